import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeType, formatType } from './describe.ts'
import { parseBtf } from './parse.ts'

const testdata = new URL('../testdata/', import.meta.url)
const btf = parseBtf(readFileSync(new URL('types.btf', testdata)))
const ids = Array.from({ length: btf.count - 1 }, (_, i) => i + 1)
const read = (name: string): string => readFileSync(new URL(name, testdata), 'utf8')

describe('types as bpftool 7.1 writes them', () => {
  it('as JSON', () => {
    const plain = JSON.stringify({ types: ids.map((id) => describeType(btf, id)) }, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    expect(JSON.parse(plain)).toEqual(JSON.parse(read('types.json')))
  })

  it('as text', () => {
    expect(`${ids.map((id) => formatType(btf, id)).join('\n')}\n`).toBe(read('types.txt'))
  })
})
