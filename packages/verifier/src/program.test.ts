import { assemble } from '@skep/isa'
import type { LineInfo, ProgramSpec, Reference } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { BPF_PSEUDO_FUNC, BPF_PSEUDO_KFUNC_CALL, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE } from './opcode.ts'
import { decodeProgram, findLine, isHelperCall, isKfuncCall, isPseudoCall, isPseudoFunc } from './program.ts'

const spec = (asm: string, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name: 'program',
  section: '',
  type: 'xdp',
  license: 'GPL',
  insns: assemble(asm),
  references: [],
  functions: [],
  lines: [],
  ...more,
})

/** Two loads, two calls, an exit: slots 0 and 2, 4 and 5, 6. */
const ASM = 'r1 = 7 ll\nr2 = 9 ll\ncall bpf_get_prandom_u32#7\ncall bpf_ktime_get_ns#5\nexit'

const decoded = (...references: Reference[]) => {
  const { src, imm } = decodeProgram(spec(ASM, { references }))
  return { src: [...src], imm: [...imm] }
}

const PLAIN = { src: [0, 0, 0, 0, 0, 0, 0], imm: [7, 0, 9, 0, 7, 5, 0] }

describe('a program in columns', () => {
  it('has the fields of every slot', () => {
    const p = decodeProgram(spec('r3 = *(u16 *)(r7 - 2)\n*(u64 *)(r10 - 8) = -5\nexit'))
    expect(p.length).toBe(3)
    expect([...p.code]).toEqual([0x69, 0x7a, 0x95])
    expect([...p.dst]).toEqual([3, 10, 0])
    expect([...p.src]).toEqual([7, 0, 0])
    expect([...p.off]).toEqual([-2, -8, 0])
    expect([...p.imm]).toEqual([0, -5, 0])
    expect([...p.earlyExit]).toEqual([-1, -1, -1])
  })

  it('has its references written in, each where its instruction is one for it', () => {
    expect(decoded()).toEqual(PLAIN)
    expect(decoded({ insn: 0, kind: 'map', map: 'm' })).toEqual({
      src: [BPF_PSEUDO_MAP_FD, 0, 0, 0, 0, 0, 0],
      imm: PLAIN.imm,
    })
    expect(decoded({ insn: 2, kind: 'map_value', map: 'm', offset: 24 })).toEqual({
      src: [0, 0, BPF_PSEUDO_MAP_VALUE, 0, 0, 0, 0],
      imm: [7, 0, 9, 24, 7, 5, 0],
    })
    expect(decoded({ insn: 2, kind: 'func', target: 6 })).toEqual({
      src: [0, 0, BPF_PSEUDO_FUNC, 0, 0, 0, 0],
      imm: [7, 0, 3, 0, 7, 5, 0],
    })
    expect(decoded({ insn: 4, kind: 'kfunc', name: 'f' })).toEqual({
      src: [0, 0, 0, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0],
      imm: PLAIN.imm,
    })
    const misplaced: Reference[] = [
      { insn: 4, kind: 'map', map: 'm' },
      { insn: 5, kind: 'map_value', map: 'm', offset: 24 },
      { insn: 6, kind: 'func', target: 0 },
      { insn: 0, kind: 'kfunc', name: 'f' },
      { insn: -1, kind: 'kfunc', name: 'f' },
      { insn: 7, kind: 'kfunc', name: 'f' },
      { insn: 70, kind: 'map', map: 'm' },
    ]
    expect(decoded(...misplaced)).toEqual(PLAIN)
  })

  it('takes a reference in the last slot, which has no second half', () => {
    const references: Reference[] = [{ insn: 1, kind: 'map_value', map: 'm', offset: 24 }]
    const insns = assemble('exit\nr1 = 5 ll').subarray(0, 16)
    const { src, imm } = decodeProgram(spec('', { insns, references }))
    expect([[...src], [...imm]]).toEqual([
      [0, BPF_PSEUDO_MAP_VALUE],
      [0, 5],
    ])
  })

  it('has functions only where all have types', () => {
    const functions = [
      { insn: 0, typeId: 3 },
      { insn: 2, typeId: 0 },
    ]
    expect(decodeProgram(spec(ASM, { functions })).functions).toEqual([])
    expect(decodeProgram(spec(ASM, { functions: functions.slice(0, 1) })).functions).toHaveLength(1)
  })

  it('tells calls apart', () => {
    const references: Reference[] = [
      { insn: 0, kind: 'func', target: 6 },
      { insn: 5, kind: 'kfunc', name: 'f' },
    ]
    const p = decodeProgram(spec(`${ASM}\ncall local -2`, { references }))
    const which = (is: (program: typeof p, i: number) => boolean) =>
      [...p.code.keys()].filter((i) => is(p, i))
    expect(which(isPseudoFunc)).toEqual([0])
    expect(which(isHelperCall)).toEqual([4])
    expect(which(isKfuncCall)).toEqual([5])
    expect(which(isPseudoCall)).toEqual([7])
  })

  it('knows the source line of each slot', () => {
    const line = (insn: number): LineInfo => ({ insn, file: 'a.c', line: insn * 10, column: 1, text: '' })
    const lines = [line(1), line(2), line(5)]
    const p = decodeProgram(spec(ASM, { lines }))
    expect([0, 1, 2, 3, 4, 5, 6].map((insn) => findLine(p, insn)?.line)).toEqual([
      undefined,
      10,
      20,
      20,
      20,
      50,
      50,
    ])
    expect(findLine(decodeProgram(spec(ASM)), 3)).toBeUndefined()
  })
})
