import { describe, expect, it } from 'vitest'
import {
  formatRanges,
  formatScalar,
  formatSigned,
  formatTnum,
  formatUnsigned,
  readNumeric,
} from './format.ts'
import { writeNumeric } from './sampling.ts'

const memory = new WebAssembly.Memory({ initial: 1 })
const ranges = (parts: Parameters<typeof writeNumeric>[2]): string => {
  writeNumeric(memory, 64, parts)
  return formatRanges(readNumeric(memory, 64)).join(',')
}

describe('the log’s words', () => {
  it('numbers are decimal while short', () => {
    expect([0xffffn, 0x10000n].map(formatUnsigned)).toEqual(['65535', '0x10000'])
    expect([0x7fffn, 0x8000n, -0x8000n, -0x8001n].map(formatSigned)).toEqual([
      '32767',
      '0x8000',
      '-32768',
      '0xffffffffffff7fff',
    ])
    expect(formatTnum(0n, 0xffn)).toBe('(0x0; 0xff)')
    expect(formatTnum(70000n, 0n)).toBe('0x11170')
  })

  it('omits what says nothing and joins what is equal', () => {
    expect(ranges({})).toBe('')
    expect(ranges({ smin: 0n, smax: 9n, umax: 9n, s32Min: 0, s32Max: 9, u32Max: 9, mask: 15n })).toBe(
      'smin=smin32=0,smax=umax=smax32=umax32=9,var_off=(0x0; 0xf)',
    )
    expect(ranges({ smin: 1n, umin: 1n, u32Min: 2, s32Min: 2 })).toBe('smin=umin=1,smin32=umin32=2')
  })

  it('does not join a negative number with a positive one of the same bits', () => {
    expect(ranges({ smin: -2n, umin: 2n ** 64n - 2n, s32Min: -2, u32Min: 2 ** 32 - 2 })).toBe(
      'smin=smin32=-2,umin=0xfffffffffffffffe,umin32=0xfffffffe',
    )
    expect(ranges({ s32Max: -65536, u32Max: 0xffff0000 })).toBe('smax32=umax32=0xffff0000')
  })

  it('shows a constant as a signed number', () => {
    writeNumeric(memory, 64, { value: 2n ** 64n - 1n, mask: 0n })
    expect(formatScalar(readNumeric(memory, 64))).toBe('-1')
  })
})
