import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { declarationOf, writeDeclarations } from './declarations.mjs'

describe('declarationOf', () => {
  it('ends relative imports in .js and lists their sources', () => {
    const { declaration, imports } = declarationOf(
      'src/a.ts',
      "import type { B } from './b.ts'\nexport * from '../c.ts'\nexport type D = import('./d.ts').D\n" +
        "import type { Z } from 'zod'\nexport const f = (b: B, z: Z): void => {}\n",
    )
    expect(declaration.split('\n')).toEqual([
      "import type { B } from './b.js';",
      "export * from '../c.js';",
      "export type D = import('./d.js').D;",
      "import type { Z } from 'zod';",
      'export declare const f: (b: B, z: Z) => void;',
      '',
    ])
    expect(imports).toEqual(['src/b.ts', 'c.ts', 'src/d.ts'].map((path) => resolve(path)))
  })

  it('declares a member named by a symbol once', () => {
    const { declaration } = declarationOf(
      'src/a.ts',
      'export class A {\n  [Symbol.dispose](): void {}\n  get [Symbol.toStringTag](): string { return "A" }\n' +
        '  *[Symbol.iterator](): Iterator<number> {}\n  readonly [Symbol.species]: number = 1\n}\n',
    )
    for (const name of ['dispose', 'toStringTag', 'iterator', 'species'])
      expect(declaration.split(`[Symbol.${name}]`), name).toHaveLength(2)
    expect(declaration).toMatch('[Symbol.dispose](): void;')
    expect(declaration).toMatch('get [Symbol.toStringTag](): string;')
    expect(declaration).toMatch('readonly [Symbol.species]: number;')
  })

  it('refuses a file whose types are not all written in it, with the place', () => {
    expect(() =>
      declarationOf('src/a.ts', 'export const a: number = 1\nexport const b = Math.max(1, 2)\n'),
    ).toThrow(/src\/a\.ts\(2,14\): error TS9010/)
  })
})

describe('writeDeclarations', () => {
  it('writes what the entries reach and nothing else', () => {
    const root = mkdtempSync(join(tmpdir(), 'skep-declarations-'))
    try {
      writeFileSync(join(root, 'index.ts'), "export * from './a.ts'\n")
      writeFileSync(join(root, 'a.ts'), "import { b } from './b.ts'\nexport const a: number = b\n")
      writeFileSync(join(root, 'b.ts'), 'export const b: number = 1\n')
      const out = join(root, 'dist')
      expect(writeDeclarations([join(root, 'index.ts')], root, out)).toBe(2)
      expect(readFileSync(join(out, 'index.d.ts'), 'utf8')).toBe("export * from './a.js';\n")
      expect(readFileSync(join(out, 'a.d.ts'), 'utf8')).toBe('export declare const a: number;\n')
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})
