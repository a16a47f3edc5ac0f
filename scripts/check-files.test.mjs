import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkFiles } from './check-files.mjs'

const made = []
afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true })
})

const good = {
  name: '@skep/isa',
  description: 'x',
  license: 'MIT',
  type: 'module',
  sideEffects: false,
  engines: { node: '>=20.19' },
}

function check(files) {
  const root = mkdtempSync(join(tmpdir(), 'skep-files-'))
  made.push(root)
  const all = {
    'package.json': { license: 'MIT', packageManager: 'pnpm@1.0.0', devDependencies: { pnpm: '1.0.0' } },
    LICENSE: 'MIT',
    'packages/isa/package.json': good,
    'packages/isa/README.md': '# isa',
    'packages/isa/src/index.ts': 'export const isa = 1\n',
    ...files,
  }
  for (const [path, content] of Object.entries(all)) {
    if (content === undefined) continue
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return checkFiles(root)
}

describe('checkFiles', () => {
  it('finds nothing where the rules are kept', () => {
    expect(check({})).toEqual([])
  })

  it('refuses a file of two subjects, and lets a table be long', () => {
    const long = 'x\n'.repeat(601)
    expect(check({ 'packages/isa/src/decode.ts': long })).toEqual([
      'packages/isa/src/decode.ts: 601 lines; past 600 a file has two subjects',
    ])
    expect(
      check({
        'packages/isa/src/table.ts': long,
        'packages/isa/src/opcode-table.ts': long,
        'packages/isa/src/tables/opcodes.ts': long,
        'packages/isa/src/decode.ts': 'x\n'.repeat(600),
      }),
    ).toEqual([])
  })

  it('keeps AssemblyScript tidy where the formatter cannot', () => {
    expect(
      check({ 'packages/isa/assembly/index.ts': `let a = 1 \n\tlet b = 2\n${'x'.repeat(121)}\n` }),
    ).toEqual([
      'packages/isa/assembly/index.ts:1: space at the end of the line',
      'packages/isa/assembly/index.ts:2: a tab; indent with two spaces',
      'packages/isa/assembly/index.ts:3: 121 columns; 120 at most',
    ])
  })

  it('wants the licence, exact versions and permissive dependencies', () => {
    const manifest = { ...good, license: 'GPL-2.0', dependencies: { zod: '^4.0.0', viral: '1.0.0' } }
    expect(
      check({
        'packages/isa/package.json': manifest,
        'packages/isa/node_modules/viral/package.json': { license: 'AGPL-3.0' },
      }),
    ).toEqual([
      'packages/isa/package.json: "license" is "GPL-2.0", not "MIT"',
      'packages/isa/package.json: zod: "^4.0.0" is not one exact version',
      'packages/isa/package.json: viral is under AGPL-3.0, which is not among MIT,ISC,0BSD,BSD-2-Clause,BSD-3-Clause,Apache-2.0,BlueOak-1.0.0',
    ])
  })

  it('wants a README of a package that has content', () => {
    expect(check({ 'packages/isa/README.md': undefined })).toEqual(['packages/isa: no README.md'])
    expect(
      check({ 'packages/isa/README.md': undefined, 'packages/isa/src/index.ts': 'export {}\n' }),
    ).toEqual([])
  })

  it('wants one version of pnpm, and the LICENSE', () => {
    const manifest = { license: 'MIT', packageManager: 'pnpm@1.0.0', devDependencies: { pnpm: '1.0.1' } }
    expect(check({ LICENSE: undefined, 'package.json': manifest })).toEqual([
      'no LICENSE',
      'package.json: "packageManager" is pnpm@1.0.0, the devDependency pnpm 1.0.1',
    ])
  })
})
