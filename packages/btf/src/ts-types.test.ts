import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildBtf } from './builder.ts'
import { codecFor } from './codec-for.ts'
import { BTF_KIND } from './kinds.ts'
import { parseBtf } from './parse.ts'
import { TsTypes } from './ts-types.ts'

const btf = parseBtf(readFileSync(new URL('../testdata/types.btf', import.meta.url)))

/** A value's type as TsTypes writes it, structs by their members. */
function typeOf(value: unknown): string {
  if (value instanceof Uint8Array) return 'Uint8Array'
  if (Array.isArray(value)) return `[${value.length > 0 ? typeOf(value[0]) : '?'}]`
  return typeof value
}

describe('TsTypes', () => {
  it('gives each struct the members and types that codecs decode', () => {
    let members = 0
    for (let id = 1; id < btf.count; id++) {
      if (btf.kind(id) !== BTF_KIND.STRUCT || btf.name(id) === '') continue
      const types = new TsTypes(btf)
      const name = types.type(id)
      if (name === undefined) continue
      const codec = codecFor(btf, id)
      const value = codec.decode(new DataView(new ArrayBuffer(codec.size)), 0) as Record<string, unknown>
      const text = types.interfaces.at(-1)!
      const declared = [...text.matchAll(/^ {2}"?(\w+)"?: (.*)$/gm)].map(
        ([, key, type]) => [key, type] as const,
      )
      expect(declared.map(([key]) => key)).toEqual(Object.keys(value))
      for (const [key, type] of declared) {
        members++
        const found = typeOf(value[key!])
        if (found.startsWith('[')) expect(type, `${name}.${key}`).toMatch(/\[\]$|^Array</)
        else if (found === 'object') expect(type, `${name}.${key}`).toMatch(/^\w+$|^\{/)
        else expect(type, `${name}.${key}`).toBe(found)
      }
    }
    expect(members).toBeGreaterThan(40)
  })

  it('numbers names that are taken, and has no type for what has no value', () => {
    const types = parseBtf(
      buildBtf((b) => {
        const u64 = b.int('u64', 8)
        b.struct('Map', [{ name: 'a-b', type: u64 }])
        b.funcProto(0)
      }),
    )
    const ts = new TsTypes(types, ['Map'])
    expect(ts.type(2)).toBe('Map_2')
    expect(ts.interfaces).toEqual([
      '/** struct Map: 8 bytes. */\nexport interface Map_2 {\n  "a-b": bigint\n}',
    ])
    expect(ts.type(3)).toBeUndefined()
    expect(ts.type(0)).toBeUndefined()
  })
})
