import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].filter((page) => existsSync(join(root, page)))
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8')

  it('names root scripts that exist', () => {
    const names = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name)
    expect(names.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })

  it('names files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path)
    const named = [...text.matchAll(/`((?:scripts|apps|packages|docs|\.ci)\/[\w./-]+)`/g)].map(
      ([, path]) => path,
    )
    expect([...links, ...named].filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

describe('the plugin in CONTRIBUTING.md', () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'))

  it('type-checks, and its helper computes', async () => {
    // Inside a package that depends on registry, so that the import resolves.
    const folder = mkdtempSync(join(root, 'packages/helpers/node_modules/.contributing-'))
    try {
      const file = join(folder, 'plugin.ts')
      writeFileSync(file, code)
      const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
      const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
      const program = ts.createProgram([file], {
        ...options,
        isolatedDeclarations: false,
        declaration: false,
      })
      const wrong = ts.getPreEmitDiagnostics(program, program.getSourceFile(file))
      expect(wrong.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([])

      const outfile = join(folder, 'plugin.mjs')
      await build({
        entryPoints: [file],
        outfile,
        bundle: true,
        format: 'esm',
        conditions: ['source'],
        tsconfigRaw: {},
      })
      const { acme } = await import(pathToFileURL(outfile).href)
      expect(acme.helpers[0].call(Uint8Array.of(1, 2), 3)).toBe(6)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
