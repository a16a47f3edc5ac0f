import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkDependencies, layers } from './check-dependencies.mjs'

const made = []
afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** A workspace of a few packages in order, with files added or replaced. */
function workspace(files) {
  const root = mkdtempSync(join(tmpdir(), 'skep-dependencies-'))
  made.push(root)
  const manifest = (name, dependencies = [], more = {}) =>
    JSON.stringify({
      name: `@skep/${name}`,
      exports: { '.': './dist/index.js' },
      dependencies: Object.fromEntries(dependencies.map((other) => [other, 'workspace:^'])),
      ...more,
    })
  const all = {
    'package.json': JSON.stringify({ devDependencies: { vitest: '1.0.0' } }),
    'packages/isa/package.json': manifest('isa'),
    'packages/isa/src/index.ts': "export const isa = 'isa'\n",
    'packages/registry/package.json': manifest('registry', ['@skep/isa']),
    'packages/registry/src/index.ts': "export { isa } from '@skep/isa'\n",
    'packages/registry/src/layout/map.ts': 'export const MAP_ID = 0\n',
    'packages/maps/package.json': manifest('maps', ['@skep/registry']),
    'packages/maps/src/index.ts': "import { isa } from '@skep/registry'\nexport const maps = isa\n",
    'packages/loader-cbpf/package.json': manifest('loader-cbpf', ['@skep/registry']),
    'packages/loader-cbpf/src/index.ts':
      "export { isa } from '@skep/registry'\nexport type Classic = string\n",
    'packages/linux/package.json': manifest('linux', []),
    'packages/linux/src/index.ts': "export { openSync } from 'node:fs'\n",
    ...files(manifest),
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return checkDependencies(root)
}

describe('checkDependencies', () => {
  it('finds nothing in a tree that keeps the rules', () => {
    expect(workspace(() => ({}))).toEqual([])
  })

  it('puts every package in one layer', () => {
    const names = layers.flat()
    expect(new Set(names).size).toBe(names.length)
  })

  it('refuses an import upward', () => {
    const problems = workspace((manifest) => ({
      'packages/isa/package.json': manifest('isa', ['@skep/maps']),
      'packages/isa/src/index.ts': "import { maps } from '@skep/maps'\nexport const isa = maps\n",
    }))
    expect(problems).toContain("packages/isa/src/index.ts:1: '@skep/maps': imports point downward")
    expect(problems).toContain('packages/isa/package.json: @skep/maps: imports point downward')
    expect(problems.at(-1)).toMatch(/circle: @skep\/isa → @skep\/maps → @skep\/registry → @skep\/isa/)
  })

  it('refuses an import of a neighbour in the layer, of types too', () => {
    const problems = workspace((manifest) => ({
      'packages/maps/package.json': manifest('maps', ['@skep/loader-cbpf']),
      'packages/maps/src/index.ts': "export type { Classic } from '@skep/loader-cbpf'\n",
    }))
    expect(problems[0]).toMatch(
      /^packages\/maps\/src\/index\.ts:1: '@skep\/loader-cbpf': packages of one layer/,
    )
  })

  it('lets the named exceptions take types, and types alone where it says so', () => {
    const hook = (text) =>
      workspace((manifest) => ({
        'packages/hook-socket/package.json': manifest('hook-socket', ['@skep/loader-cbpf']),
        'packages/hook-socket/src/index.ts': text,
      }))
    expect(hook("import type { Classic } from '@skep/loader-cbpf'\nexport type C = Classic\n")).toEqual([])
    expect(hook("import { type Classic } from '@skep/loader-cbpf'\nexport type C = Classic\n")).toEqual([])
    expect(hook("export type C = import('@skep/loader-cbpf').Classic\n")).toEqual([])
    expect(hook("import { isa } from '@skep/loader-cbpf'\nexport const c = isa\n")).toEqual([
      "packages/hook-socket/src/index.ts:1: '@skep/loader-cbpf': take types alone: import type { … }",
    ])
    expect(
      workspace((manifest) => ({
        'packages/loader-tc/package.json': manifest('loader-tc', ['@skep/loader-cbpf']),
        'packages/loader-tc/src/index.ts': "export { isa } from '@skep/loader-cbpf'\n",
      })),
    ).toEqual([])
  })

  it('refuses what Node alone has, outside the packages for Node', () => {
    const problems = workspace(() => ({
      'packages/isa/src/file.ts':
        "export async function f() { return (await import('node:fs')).readFileSync }\n",
      'packages/isa/src/path.ts': "export { join } from 'path'\n",
      'packages/isa/src/file.test.ts': "import { readFileSync } from 'node:fs'\nreadFileSync('x')\n",
    }))
    expect(problems).toEqual([
      "packages/isa/src/file.ts:1: 'node:fs': this package runs in browsers too; take what it needs as a parameter",
      "packages/isa/src/path.ts:1: 'path': write node:path",
      "packages/isa/src/path.ts:1: 'path': this package runs in browsers too; take what it needs as a parameter",
    ])
  })

  it('allows Node in packet/src/node.ts and in no other file of packet', () => {
    const problems = workspace((manifest) => ({
      'packages/packet/package.json': manifest('packet'),
      'packages/packet/src/node.ts': "export { openSync } from 'node:fs'\n",
      'packages/packet/src/index.ts': "export { openSync } from 'node:fs'\n",
    }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^packages\/packet\/src\/index\.ts:1:/)
  })

  it('wants what is imported declared, and what is declared imported', () => {
    const problems = workspace((manifest) => ({
      'packages/maps/package.json': manifest('maps', ['@skep/isa', 'zod']),
      'packages/maps/src/index.ts': "import { isa } from '@skep/registry'\nexport const maps = isa\n",
      'packages/maps/src/maps.test.ts':
        "import { it } from 'vitest'\nimport { isa } from '@skep/isa'\nit(isa, () => {})\n",
    }))
    expect(problems).toEqual([
      "packages/maps/src/index.ts:1: '@skep/registry': @skep/registry is not among the dependencies in package.json",
      'packages/maps/package.json: @skep/isa: tests alone import it; move it to devDependencies',
      'packages/maps/package.json: zod: nothing imports it; remove it',
    ])
  })

  it('wants what tests import among the devDependencies', () => {
    const test = "import { isa } from '@skep/isa'\nimport { it } from 'vitest'\nit(isa, () => {})\n"
    expect(workspace(() => ({ 'packages/maps/src/maps.test.ts': test }))).toEqual([
      "packages/maps/src/maps.test.ts:1: '@skep/isa': @skep/isa is not among the devDependencies in package.json",
    ])
    expect(
      workspace((manifest) => ({
        'packages/maps/package.json': manifest('maps', ['@skep/registry'], {
          devDependencies: { '@skep/isa': 'workspace:^', 'fast-check': '4.0.0' },
        }),
        'packages/maps/src/maps.test.ts': test,
      })),
    ).toEqual(['packages/maps/package.json: fast-check: no test imports it; remove it'])
  })

  it('leaves the dependencies of a package that is still empty alone', () => {
    expect(
      workspace((manifest) => ({
        'packages/helpers/package.json': manifest('helpers', ['@skep/registry']),
        'packages/helpers/src/index.ts': 'export {}\n',
      })),
    ).toEqual([])
  })

  it("refuses another package's files, by name and by path", () => {
    const problems = workspace(() => ({
      'packages/maps/src/inner.ts': "export { isa } from '@skep/registry/src/index.ts'\n",
      'packages/maps/src/path.ts': "export { isa } from '../../registry/src/index.ts'\n",
      'packages/maps/src/self.ts': "export { maps } from '@skep/maps'\n",
    }))
    expect(problems).toContain(
      "packages/maps/src/inner.ts:1: '@skep/registry/src/index.ts': @skep/registry does not export it",
    )
    expect(problems).toContain(
      "packages/maps/src/path.ts:1: '../../registry/src/index.ts': another package's file; import what it exports by name",
    )
    expect(problems).toContain(
      "packages/maps/src/self.ts:1: '@skep/maps': a package imports its own files by path",
    )
  })

  it('lets AssemblyScript import constants of layout files alone', () => {
    const problems = workspace(() => ({
      'packages/maps/assembly/index.ts':
        "import { MAP_ID } from '../../registry/src/layout/map'\nimport { a } from './a'\n" +
        "import { maps } from '../src/index'\n@inline\nexport function f(): u32 { return MAP_ID + a }\n",
      'packages/maps/assembly/a.ts': 'export const a: u32 = 1\n',
      'packages/loader-cbpf/assembly/index.ts':
        "import { isa } from '../../isa/src/layout'\nexport { isa }\n",
    }))
    expect(problems).toEqual([
      "packages/loader-cbpf/assembly/index.ts:1: '../../isa/src/layout': @skep/isa is not among the dependencies in package.json",
      "packages/maps/assembly/index.ts:3: '../src/index': assembly imports its own folder, and constants from src/layout.ts or src/layout/",
    ])
  })

  it('wants a layer for every package', () => {
    const problems = workspace((manifest) => ({ 'packages/other/package.json': manifest('other') }))
    expect(problems).toEqual([
      'packages/other/package.json: other has no layer; add it to the table in scripts/check-dependencies.mjs',
    ])
  })
})
