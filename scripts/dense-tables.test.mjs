import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { denseTables, numbered } from './dense-tables.mjs'

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages')

async function load(file, plugins) {
  const { outputFiles } = await build({
    entryPoints: [join(packages, file)],
    bundle: true,
    write: false,
    format: 'esm',
    plugins,
  })
  const [{ text }] = outputFiles
  return { text, module: await import(`data:text/javascript,${encodeURIComponent(text)}`) }
}

describe('dense tables', () => {
  it.each([
    ['isa/src/ebpf/table.ts', 'ops'],
    ['wasm/src/opcodes.ts', 'opcodes'],
  ])('%s is the same table, in less text', async (file, constant) => {
    const [plain, dense] = [await load(file, []), await load(file, [denseTables])]
    expect(dense.module[constant]).toEqual(plain.module[constant])
    expect(Object.keys(dense.module[constant])).toEqual(Object.keys(plain.module[constant]))
    expect(dense.text.length).toBeLessThan(0.7 * plain.text.length)
  })

  it('the handlers of the interpreter have the same numbers', async () => {
    const file = 'vm-interpreter/src/handler-table.ts'
    const [plain, dense] = [await load(file, []), await load(file, [denseTables])]
    expect(Object.entries(dense.module.handlerTable)).toEqual(Object.entries(plain.module.handlerTable))
    expect(dense.text.length).toBeLessThan(0.5 * plain.text.length)
  })

  it('numbers with a gap are refused', () => {
    expect(() => numbered({ a: 0, b: 2 })).toThrow('gaps')
    expect(numbered({ b: 1, a: 0 })).toContain('"a b"')
  })
})
