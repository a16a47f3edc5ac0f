import { describe, expect, it } from 'vitest'
import { buildBtf } from './builder.ts'
import { formatType } from './describe.ts'
import { BtfMerger } from './merge.ts'
import { parseBtf } from './parse.ts'

/** A list that refers to itself through a pointer, behind `before` other types. */
const list = (before: number, value: string) =>
  parseBtf(
    buildBtf((b) => {
      for (let i = 0; i < before; i++) b.int(`other${i}`, 4)
      const int = b.int(value, 4)
      const struct = b.nextId
      b.struct(
        'list',
        [
          { name: 'next', type: struct + 1, bitOffset: 0 },
          { name: 'value', type: int, bitOffset: 64 },
        ],
        16,
      )
      b.pointer(struct)
    }),
  )

const texts = (bytes: Uint8Array): string[] => {
  const btf = parseBtf(bytes)
  return Array.from({ length: btf.count - 1 }, (_, i) => formatType(btf, i + 1))
}

describe('BtfMerger', () => {
  it('has types once that are the same through cycles', () => {
    const merger = new BtfMerger()
    const [a, b] = [merger.add(list(0, 'int')), merger.add(list(2, 'int'))]
    const { bytes, id } = merger.build()
    expect(texts(bytes).filter((text) => text.includes("'list'"))).toHaveLength(1)
    expect(texts(bytes)).toHaveLength(5)
    expect(id(b, 4)).toBe(id(a, 2))
  })

  it('keeps apart what differs far below', () => {
    const merger = new BtfMerger()
    merger.add(list(0, 'int'))
    merger.add(list(0, 'long'))
    const { bytes } = merger.build()
    expect(texts(bytes).filter((text) => text.includes("'list'"))).toHaveLength(2)
    expect(texts(bytes)).toHaveLength(6)
  })

  it('puts one type in place of another, and writes data sections', () => {
    const part = (linkage: 'global' | 'extern') =>
      parseBtf(
        buildBtf((b) => {
          b.variable('counter', b.int('int', 4), linkage)
        }),
      )
    const merger = new BtfMerger()
    const [declared, defined] = [merger.add(part('extern')), merger.add(part('global'))]
    merger.replace({ part: declared, id: 2 }, { part: defined, id: 2 })
    merger.dataSection('.data', 4, [{ part: declared, id: 2, offset: 0, size: 4 }])
    const { bytes, id } = merger.build()
    expect(id(declared, 2)).toBe(id(defined, 2))
    expect(texts(bytes)).toEqual([
      "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=(none)",
      "[2] VAR 'counter' type_id=1, linkage=global",
      "[3] DATASEC '.data' size=4 vlen=1\n\ttype_id=2 offset=0 size=4 (VAR 'counter')",
    ])
  })
})
