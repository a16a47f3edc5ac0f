import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { isKernelAvailable } from '@skep/linux'
import ts from 'typescript'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

// Every TypeScript block of the README and the guide is type-checked and run, beside the objects and captures of testdata,
// and must print what the `text` block behind it shows.

const path = (url: string): string => fileURLToPath(new URL(url, import.meta.url))
const root = path('../../../')
const generated = path('.docs/')
const pages = [
  'README.md',
  ...['runtime', 'registry', 'hook-xdp', 'vm-interpreter'].map((name) => `packages/${name}/README.md`),
  ...readdirSync(join(root, 'docs/guide')).map((name) => `docs/guide/${name}`),
]

interface Block {
  readonly name: string
  readonly file: string
  readonly needsRoot: boolean
  readonly prints: string | undefined
}

/** Writes each block as a module of its own. */
function extract(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  const blocks: Block[] = []
  for (const match of text.matchAll(/^```ts( root)?\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm)) {
    const file = join(generated, `${page.replaceAll(/[/.]/g, '-')}-${blocks.length}.ts`)
    writeFileSync(file, match[2]!)
    const line = text.slice(0, match.index).split('\n').length
    blocks.push({ name: `${page}:${line}`, file, needsRoot: match[1] !== undefined, prints: match[3] })
  }
  return blocks
}

rmSync(generated, { recursive: true, force: true })
mkdirSync(generated, { recursive: true })
const blocks = pages.flatMap(extract)
const kernel = await isKernelAvailable()

describe('documentation', () => {
  const cwd = process.cwd()
  beforeAll(() => process.chdir(join(root, 'apps/cli/testdata')))
  afterEach(() => vi.restoreAllMocks())
  afterAll(() => {
    process.chdir(cwd)
    rmSync(generated, { recursive: true, force: true })
  })

  for (const block of blocks) {
    const skipped = block.needsRoot && !kernel.ok
    it.skipIf(skipped)(`${block.name} runs${skipped ? ` (skipped: ${kernel.reason})` : ''}`, async () => {
      const printed: string[] = []
      vi.spyOn(console, 'log').mockImplementation((...args) => void printed.push(format(...args)))
      await import(/* @vite-ignore */ block.file)
      if (block.prints !== undefined) expect(`${printed.join('\n')}\n`).toBe(block.prints)
    })
  }

  it('type-checks', () => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
    const { options } = ts.convertCompilerOptionsFromJson(
      { ...config.compilerOptions, isolatedDeclarations: false, declaration: false },
      root,
    )
    const program = ts.createProgram(
      blocks.map((b) => b.file),
      { ...options, typeRoots: [join(root, 'node_modules/@types')] },
    )
    const problems = blocks.flatMap((block) => {
      const source = program.getSourceFile(block.file)!
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        (d) =>
          `${block.name} (${relative(root, block.file)}): ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
      )
    })
    expect(problems).toEqual([])
  }, 120_000)
})
