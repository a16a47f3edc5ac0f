import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { denseTables } from './dense-tables.mjs'

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
})
