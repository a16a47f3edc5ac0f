import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checksumDifference,
  checksumFold,
  internetChecksum,
  transportChecksum,
  updateChecksum,
} from './index.ts'

const evenBytes = (max: number) => fc.uint8Array({ maxLength: max }).map((b) => b.subarray(0, b.length & ~1))
const place = (data: Uint8Array, checksum: number) => {
  const whole = new Uint8Array(data.length + 2)
  whole.set(data)
  new DataView(whole.buffer).setUint16(data.length, checksum)
  return whole
}

describe('checksums', () => {
  it('is that of the example in RFC 1071, section 3', () => {
    const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
    expect(internetChecksum(example)).toBe(~0xddf2 & 0xffff)
  })

  it('is zero over data that has it', () => {
    fc.assert(
      fc.property(evenBytes(100), (data) => {
        expect(internetChecksum(place(data, internetChecksum(data)))).toBe(0)
      }),
    )
  })

  it('counts an odd last byte as the upper one of a word', () => {
    expect(internetChecksum(Uint8Array.of(1, 2, 3))).toBe(internetChecksum(Uint8Array.of(1, 2, 3, 0)))
  })

  it('does not overflow over many bytes', () => {
    expect(internetChecksum(new Uint8Array(1 << 20).fill(0xff))).toBe(0)
    expect(checksumFold(0xffff_ffff * 3)).toBe(0)
  })

  it('can be updated when a part of the data changes', () => {
    fc.assert(
      fc.property(
        evenBytes(60),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (rest, before, after) => {
          const old = Uint8Array.of(...before, ...rest, 1) // not all zero, which has two checksums
          const renewed = Uint8Array.of(...after, ...rest, 1)
          expect(updateChecksum(internetChecksum(old), before, after)).toBe(internetChecksum(renewed))
          const sum = checksumDifference(before, after, ~internetChecksum(old) & 0xffff)
          expect(checksumFold(sum)).toBe(internetChecksum(renewed))
        },
      ),
    )
  })

  it('covers the pseudo header', () => {
    // A UDP datagram of one byte, worked out by hand: 192.0.2.1 to 192.0.2.2, ports 1 and 2.
    const source = Uint8Array.of(192, 0, 2, 1)
    const destination = Uint8Array.of(192, 0, 2, 2)
    const segment = Uint8Array.of(0, 1, 0, 2, 0, 9, 0, 0, 0x61)
    const sum = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 9 + 1 + 2 + 9 + 0x6100
    expect(transportChecksum(source, destination, 17, segment)).toBe(~((sum & 0xffff) + (sum >> 16)) & 0xffff)
  })
})
