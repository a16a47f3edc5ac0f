import { createDefaultPlatform } from '@skep/runtime'
import { describe, expect, it } from 'vitest'
import { copyDraft, parseDraft, removeNodes, rowOf } from './draft.ts'
import { grammarProgram } from './grammar/program.ts'
import { minimise } from './minimise.ts'
import { Random, seedOf } from './random.ts'

const platform = createDefaultPlatform()
const programs = Array.from({ length: 40 }, (_, i) =>
  rowOf(grammarProgram(platform, new Random(seedOf(3, i)))),
)
/** r0 = 0; if r0 == 0 goto +1; r0 = 1; exit */
const SMALL = 'b7000000000000001500010000000000b7000000010000009500000000000000'

describe('a draft', () => {
  it('is the program that it came from', () => {
    for (const row of programs) expect(rowOf(parseDraft(row))).toEqual(row)
    for (const row of programs) expect(rowOf(copyDraft(parseDraft(row)))).toEqual(row)
  })

  it('keeps jumps on their targets when instructions go', () => {
    const draft = parseDraft({ type: 'xdp', insns: SMALL })
    removeNodes(draft, 2, 1)
    expect(rowOf(draft).insns).toBe('b70000000000000015000000000000009500000000000000')
    const other = parseDraft({ type: 'xdp', insns: SMALL })
    removeNodes(other, 0, 1)
    expect(rowOf(other).insns).toBe('1500010000000000b7000000010000009500000000000000')
  })
})

describe('generated programs', () => {
  it('are the same for the same seed, and others for another', () => {
    const again = programs.map((_, i) => rowOf(grammarProgram(platform, new Random(seedOf(3, i)))))
    expect(again).toEqual(programs)
    expect(new Set(programs.map(({ insns }) => insns)).size).toBeGreaterThan(programs.length * 0.9)
  })
})

describe('minimise', () => {
  it('cuts a program down to what makes the difference', () => {
    const row = programs.find(({ insns }) => insns.length > 600)!
    const needle = '9500000000000000'
    const small = minimise(row, ({ insns }) => insns.includes(needle))
    expect(small.insns).toBe(needle)
    expect(small.maps ?? []).toEqual([])
  })
})
