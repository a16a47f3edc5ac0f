import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow } from '../src/index.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'

const verifier = await createVerifier(platform)

/** A store to the stack on one path and to a map on two others, which differ in what the slot holds. */
const program = (slot: number, last: string): string => `
  call bpf_get_prandom_u32#7
  r6 = r0
  call bpf_get_prandom_u32#7
  r7 = r0
  *(u64 *)(r10 - ${slot}) = 3
  r9 = value globals+0
  if r6 > 9 goto map
  r9 = r10
  r9 += -${slot}
  goto use
  map:
  if r7 > 5 goto other
  goto use
  other:
  *(u64 *)(r10 - ${slot}) = ${last}
  use:
  r8 = 1
  call bpf_get_prandom_u32#7
  if r0 > 5 goto +0
  *(u64 *)(r9 + 0) = 7
  r2 = *(u64 *)(r10 - ${slot})
  r3 = value globals+0
  r3 += r2
  r0 = *(u8 *)(r3 + 0)
  r0 = 0
  exit`

const judge = (asm: string): string => {
  const verdict = verifier.verify(specFromRow(rowOf({ name: 'program', asm, type: 'xdp' }), platform))
  return verdict.verdict === 'accept' ? 'accept' : verdict.line
}

describe('a slot that a store may write or not', () => {
  // 6.18 accepts those below fp-256, and the program then reads where it likes.
  it.each([8, 256, 264, 512])('is still read afterwards: fp-%i', (slot) => {
    expect(judge(program(slot, 'r6'))).toBe(
      'math between map_value pointer and register with unbounded min value is not allowed',
    )
    expect(judge(program(slot, '8'))).toBe('accept')
    expect(judge(program(slot, '88'))).toMatch(/^invalid access to map value/)
  })
})
