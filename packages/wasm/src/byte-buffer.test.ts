import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteBuffer } from './byte-buffer.ts'

const bytesOf = (write: (buffer: ByteBuffer) => void): number[] => {
  const buffer = new ByteBuffer()
  write(buffer)
  return [...buffer.toBytes()]
}

function readLeb(bytes: readonly number[], signed: boolean): bigint {
  let value = 0n
  let shift = 0n
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift
    shift += 7n
    if (byte < 0x80) return signed ? BigInt.asIntN(Number(shift), value) : value
  }
  throw new Error('unterminated')
}

describe('ByteBuffer', () => {
  it('writes the specification’s LEB128 examples', () => {
    expect(bytesOf((b) => b.u32(624485))).toEqual([0xe5, 0x8e, 0x26])
    expect(bytesOf((b) => b.s32(-123456))).toEqual([0xc0, 0xbb, 0x78])
    expect(bytesOf((b) => b.s64(-123456, -1))).toEqual([0xc0, 0xbb, 0x78])
    expect(bytesOf((b) => b.u32(0xffff_ffff))).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f])
    expect(bytesOf((b) => b.s64(0, 0x8000_0000))).toEqual([...Array(9).fill(0x80), 0x7f])
  })

  it('writes every number so that it reads back, in the fewest bytes', () => {
    const u32 = fc.oneof(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.nat(31).map((n) => 2 ** n),
    )
    fc.assert(
      fc.property(u32, u32, (low, high) => {
        const unsigned = bytesOf((b) => b.u32(low))
        expect(readLeb(unsigned, false)).toBe(BigInt(low))
        expect(unsigned.length).toBe(Math.max(1, Math.ceil(low.toString(2).length / 7)))
        expect(
          readLeb(
            bytesOf((b) => b.s32(low)),
            true,
          ),
        ).toBe(BigInt(low | 0))
        const value = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
        const signed = bytesOf((b) => b.s64(low, high))
        expect(readLeb(signed, true)).toBe(value)
        const magnitude = value < 0n ? ~value : value
        expect(signed.length).toBe(Math.ceil(((magnitude === 0n ? 0 : magnitude.toString(2).length) + 1) / 7))
      }),
      { numRuns: 2000 },
    )
  })

  it('grows, and hands out what was written', () => {
    const buffer = new ByteBuffer()
    for (let i = 0; i < 1000; i++) buffer.u8(i)
    buffer.text('é')
    expect(buffer.length).toBe(1003)
    expect([...buffer.view().subarray(998)]).toEqual([998 & 0xff, 999 & 0xff, 2, 0xc3, 0xa9])
    buffer.f32(1)
    buffer.f64(-2)
    expect(new DataView(buffer.toBytes().buffer).getFloat64(1007, true)).toBe(-2)
  })

  it('takes back and replaces what was written', () => {
    expect(
      bytesOf((b) => {
        for (const byte of [1, 2, 3, 4]) b.u8(byte)
        b.truncate(3)
        b.patch(1, 9)
        b.patch(3, 7)
        b.truncate(8)
        b.u8(5)
      }),
    ).toEqual([1, 9, 3, 5])
  })

  it('refuses what is no unsigned 32-bit number', () => {
    for (const value of [-1, 2 ** 32, 1.5, Number.NaN]) {
      expect(() => bytesOf((b) => b.u32(value))).toThrow(expect.objectContaining({ code: 'WASM_RANGE' }))
    }
  })
})
