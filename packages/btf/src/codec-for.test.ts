import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BTF_KIND,
  BtfError,
  type BtfValue,
  buildBtf,
  type Codec,
  CodecError,
  codecFor,
  parseBtf,
} from './index.ts'

const btf = parseBtf(new Uint8Array(readFileSync(new URL('../testdata/types.btf', import.meta.url))))
const struct = (name: string): number => btf.findByName(BTF_KIND.STRUCT, name)!

function encode(codec: Codec<BtfValue>, value: BtfValue): Uint8Array {
  const bytes = new Uint8Array(codec.size)
  codec.encode(value, new DataView(bytes.buffer), 0)
  return bytes
}

const decode = (codec: Codec<BtfValue>, bytes: Uint8Array): BtfValue =>
  codec.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)

describe('codecFor', () => {
  it('lays a struct out as C does', () => {
    const codec = codecFor(btf, struct('flow'), { strings: true })
    expect([codec.name, codec.size, codec.align]).toEqual(['struct flow', 40, 8])
    const flow = {
      saddr: 0x01020304,
      daddr: 5,
      ports: [80, 443],
      proto: 6,
      name: 'eth0',
      seen: true,
      delta: -2n,
    }
    const bytes = encode(codec, flow)
    expect(bytes.slice(0, 13)).toEqual(Uint8Array.of(4, 3, 2, 1, 5, 0, 0, 0, 80, 0, 187, 1, 6))
    expect(bytes.slice(32)).toEqual(Uint8Array.of(0xfe, 255, 255, 255, 255, 255, 255, 255))
    expect(decode(codec, bytes)).toEqual(flow)
    expect(decode(codecFor(btf, struct('flow')), bytes)).toMatchObject({
      name: Uint8Array.of(101, 116, 104, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    })
  })

  it('puts bit fields where clang puts them', () => {
    const codec = codecFor(btf, struct('bits'))
    const value = { a: 5, b: 100, c: -3, wide: 0xff_1234_5678n, after: 9, flag: true, level: -2 }
    const bytes = encode(codec, value)
    // a is bits 0 to 2, b 3 to 9, c 10 to 14; wide is the low 40 bits of the next 8 bytes.
    const word = new DataView(bytes.buffer).getUint32(0, true)
    expect([word & 7, (word >> 3) & 0x7f, (word >> 10) & 0x1f]).toEqual([5, 100, 0x1d])
    expect(new DataView(bytes.buffer).getBigUint64(8, true) & 0xff_ffff_ffffn).toBe(0xff_1234_5678n)
    expect(decode(codec, bytes)).toEqual(value)
    expect(() => encode(codec, { ...value, a: 8 })).toThrow(CodecError)
    expect(() => encode(codec, { ...value, c: 16 })).toThrow(/i32:5: 16 does not fit in 5 bits/)
  })

  it('flattens anonymous structs and gives unions as bytes', () => {
    const codec = codecFor(btf, struct('with_anonymous'))
    const value = decode(
      codec,
      Uint8Array.from({ length: codec.size }, (_, i) => i),
    )
    expect(value).toEqual({
      kind: 0x03020100,
      union_4: Uint8Array.from({ length: 16 }, (_, i) => i + 4),
      x: 0x1514,
      y: 0x1716,
      number: Uint8Array.from({ length: 8 }, (_, i) => i + 24),
    })
  })

  it('reads pointers, wide integers, arrays of arrays and enums', () => {
    const codec = codecFor(btf, struct('node'))
    const bytes = new Uint8Array(codec.size).fill(0xff)
    const value = decode(codec, bytes) as Record<string, BtfValue>
    expect(value.call).toBe(0xffff_ffff_ffff_ffffn)
    expect(value.wide).toBe(-1n)
    expect(value.matrix).toEqual([Array(3).fill(0xffff_ffff), Array(3).fill(0xffff_ffff)])
    expect(value.flexible).toEqual(new Uint8Array(0))
    const huge = codecFor(btf, btf.findByName(BTF_KIND.ENUM64, 'huge')!, { enumNames: true })
    expect(encode(huge, 'LARGE')).toEqual(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0))
    expect(decode(huge, encode(huge, 'LARGE'))).toBe('LARGE')
    expect(decode(huge, encode(huge, 77n))).toBe(77n)
    expect(() => encode(huge, 'MIDDLE')).toThrow('known are SMALL, LARGE')
  })

  it('gives back every byte pattern that has no padding', () => {
    for (const name of ['flow', 'packed', 'node', 'tagged', 'gaps', 'with_anonymous', 'bits']) {
      const codec = codecFor(btf, struct(name))
      fc.assert(
        fc.property(fc.uint8Array({ minLength: codec.size, maxLength: codec.size }), (bytes) => {
          const value = decode(codec, bytes)
          expect(decode(codec, encode(codec, value))).toEqual(value)
        }),
        { numRuns: 50, seed: 7 },
      )
    }
  })

  it('says which member is wrong', () => {
    const codec = codecFor(btf, struct('tagged'))
    expect(() => encode(codec, {})).toThrow('struct tagged: member "member" is missing')
    expect(() => encode(codec, { member: 1, more: 2 })).toThrow('no member is named "more"; known are member')
    expect(() => encode(codec, 5)).toThrow('5 is not an object with member')
  })

  it.each<[string, () => Uint8Array, number]>([
    ['void', () => buildBtf(() => {}), 0],
    ['a function', () => buildBtf((b) => b.func('f', b.funcProto(0))), 2],
    [
      'a struct in itself',
      () => buildBtf((b) => b.struct('s', [{ name: 'm', type: 1, bitOffset: 0 }], 4)),
      1,
    ],
    [
      'a member past the end',
      () => buildBtf((b) => b.struct('s', [{ name: 'm', type: b.int('int', 4) }], 2)),
      2,
    ],
    ['an odd integer', () => buildBtf((b) => b.int('three', 3)), 1],
    ['many of nothing', () => buildBtf((b) => b.array(b.struct('e', []), 0x7fff_ffff, 1)), 2],
    [
      'a bit field of a struct',
      () =>
        buildBtf((b) => b.struct('s', [{ name: 'm', type: b.struct('e', []), bitOffset: 0, bitSize: 3 }], 4)),
      2,
    ],
    [
      'members that overlap over and over',
      () =>
        buildBtf((b) => {
          b.int('char', 1)
          for (let i = 1; i < 30; i++)
            b.struct(
              `s${i}`,
              Array.from({ length: 8 }, (_, k) => ({ name: `m${k}`, type: i, bitOffset: 0 })),
              1,
            )
        }),
      30,
    ],
  ])('refuses %s', (_, build, id) => {
    expect(() => codecFor(parseBtf(build()), id)).toThrow(BtfError)
  })
})
