import { describe, expect, it } from 'vitest'
import { decisiveLine, processedInsns } from './decisive-line.ts'

const log = (...lines: string[]): string =>
  [...lines, 'processed 11 insns (limit 1000000) max_states_per_insn 0', ''].join('\n')

describe('decisiveLine', () => {
  it('is the first line that is no instruction or state', () => {
    const text = log(
      'func#0 @0',
      '0: R1=ctx() R10=fp0',
      '; return value[i]; @ file.c:3',
      '0: (b7) r0 = 0                        ; R0=0',
      'from 3 to 7: R0=0 R10=fp0',
      'mark_precise: frame0: last_idx 5 first_idx 0 subseq_idx -1',
      'caller:',
      ' R6=ctx() R10=fp0',
      '7: (7a) *(u64 *)(r0 +0) = 4',
      'invalid access to map value, value_size=48 off=1008 size=8',
      'R0 max value is outside of the allowed memory range',
    )
    expect(decisiveLine(text)).toBe('invalid access to map value, value_size=48 off=1008 size=8')
  })

  it('passes over what the kernel says of a global function, unless it says nothing else', () => {
    const doubt = "Global function f() doesn't return scalar. Only those are supported."
    expect(decisiveLine(log(doubt, '0: R1=ctx()', 'R2 !read_ok'))).toBe('R2 !read_ok')
    expect(decisiveLine(log(doubt))).toBe(doubt)
  })

  it('ends a message that lacks its line end', () => {
    const text =
      'expected prog array map for tail callprocessed 3 insns (limit 1000000) max_states_per_insn 0\n'
    expect(decisiveLine(text)).toBe('expected prog array map for tail call')
    expect(processedInsns(text)).toBe(3)
  })

  it('is undefined without a message', () => {
    expect(decisiveLine('')).toBeUndefined()
    expect(decisiveLine(log())).toBeUndefined()
    expect(processedInsns('')).toBe(0)
    expect(processedInsns(log())).toBe(11)
  })
})
