import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assembleBpfAsm } from './bpf-asm.ts'
import { checkClassic } from './check.ts'
import { formatDdd, parseDdd } from './ddd.ts'
import { disassembleBpfAsm } from './format-bpf-asm.ts'
import {
  ClassicError,
  type ClassicErrorCode,
  type ClassicInsn,
  decodeClassic,
  encodeClassic,
} from './insn.ts'
import { ancillaryAt, type ClassicOpDef, classicDef, classicDefs } from './table.ts'

// The numbers of linux/bpf_common.h and linux/filter.h, apart from the table so that a slip in a row shows.
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, neg: 4, jump: 5, ja: 5, ret: 6, tax: 7, txa: 7 }
const SIZE = { 4: 0x00, 2: 0x08, 1: 0x10 }
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, len: 0x80, msh: 0xa0 }
const ALU = {
  add: 0,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
}
const JUMP = { eq: 0x10, gt: 0x20, ge: 0x30, set: 0x40 }

function composedCode(def: ClassicOpDef): number {
  const group = CLASS[def.kind]
  switch (def.kind) {
    case 'ld':
    case 'ldx':
      return group | SIZE[def.size] | MODE[def.mode]
    case 'alu':
      return group | ALU[def.aluOp] | (def.source === 'x' ? 8 : 0)
    case 'jump':
      return group | JUMP[def.jumpOp] | (def.source === 'x' ? 8 : 0)
    case 'ret':
      return group | (def.source === 'a' ? 0x10 : 0)
    case 'neg':
    case 'txa':
      return group | 0x80
    case 'st':
    case 'stx':
    case 'ja':
    case 'tax':
      return group
  }
}

describe('classicOps', () => {
  it('has the opcode that class, operation, mode and size make', () => {
    for (const def of Object.values(classicDefs)) expect(def.code, def.name).toBe(composedCode(def))
  })

  it('is found by opcode', () => {
    expect(classicDef(0xb1)).toBe(classicDefs.ldx_msh)
    expect(classicDef(0xff)).toBeUndefined()
    expect(classicDef(0x120)).toBeUndefined()
  })

  it('names the extensions of Linux', () => {
    expect(ancillaryAt(0xffff_f000)).toBe('protocol')
    expect(ancillaryAt(-0x1000 + 60)).toBe('vlan_tpid')
    expect(ancillaryAt(0xffff_f001)).toBeUndefined()
    expect(ancillaryAt(0)).toBeUndefined()
  })
})

/** Any instruction with what bpf_asm can say of it, for a place with `room` instructions after it. */
const anyInsn = (room: number): fc.Arbitrary<ClassicInsn> =>
  fc.constantFrom(...Object.values(classicDefs)).chain((def) => {
    const jump = fc.integer({ min: 0, max: Math.min(255, room) })
    const conditional = def.kind === 'jump'
    const usesK =
      def.kind === 'ja' || ('mode' in def && def.mode !== 'len') || ('source' in def && def.source === 'k')
    return fc.record({
      code: fc.constant(def.code),
      jt: conditional ? jump : fc.constant(0),
      jf: conditional ? jump : fc.constant(0),
      k: !usesK ? fc.constant(0) : def.kind === 'ja' ? jump : fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    })
  })
const anyProgram = fc
  .integer({ min: 0, max: 30 })
  .chain((length) => fc.tuple(...Array.from({ length }, (_, index) => anyInsn(length - index - 1))))
  .map((insns) => [...insns, { code: 0x06, jt: 0, jf: 0, k: 1 }])

describe('classic programs', () => {
  it('survive bytes, decimal text and bpf_asm text', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        expect(decodeClassic(encodeClassic(program))).toEqual(program)
        expect(parseDdd(formatDdd(program))).toEqual(program)
        expect(parseDdd(formatDdd(program, 'commas'))).toEqual(program)
        expect(assembleBpfAsm(disassembleBpfAsm(program))).toEqual(program)
      }),
      { numRuns: 1000 },
    )
  })
})

const refusal = (run: () => unknown): ClassicError => {
  try {
    run()
  } catch (error) {
    if (error instanceof ClassicError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('ClassicError', () => {
  it('says where in the bytes', () => {
    expect(refusal(() => decodeClassic(new Uint8Array(7))).code).toBe('BAD_LENGTH')
    const wide = refusal(() => encodeClassic([{ code: 6, jt: 0, jf: 256, k: 0 }]))
    expect(wide).toMatchObject({
      code: 'BAD_VALUE',
      insn: 0,
      message: 'insn 0: jf is 256, must be from 0 to 255',
    })
  })

  it.each<[string, ClassicErrorCode, number, number]>([
    ['1\n6 0 0', 'BAD_COUNT', 1, 1],
    ['1\n6 0 0 0 0', 'BAD_COUNT', 1, 1],
    ['1\n6 0 zero 0', 'BAD_NUMBER', 2, 5],
    ['1\n6 0 256 0', 'BAD_VALUE', 2, 5],
    ['1,6 0 0 4294967296,', 'BAD_VALUE', 1, 9],
    ['0x1\n6 0 0 0', 'BAD_NUMBER', 1, 1],
  ])('says where in %j', (text, code, line, column) => {
    expect(refusal(() => parseDdd(text))).toMatchObject({ code, line, column })
  })

  it('says that a text is empty', () => {
    expect(refusal(() => parseDdd(' \n')).code).toBe('EMPTY')
  })
})

describe('checkClassic', () => {
  it.each<[string, ClassicErrorCode, number]>([
    ['ld #1', 'NO_RETURN', 0],
    ['div #0\nret a', 'DIVISION_BY_ZERO', 0],
    ['ld #1\nmod #0\nret a', 'DIVISION_BY_ZERO', 1],
    ['lsh #32\nret a', 'BAD_SHIFT', 0],
    ['st M[16]\nret a', 'BAD_MEMORY', 0],
    ['ld M[3]\nret a', 'UNINITIALIZED_MEMORY', 0],
    ['jeq #1, aa, bb\naa: st M[3]\nbb: ld M[3]\nret a', 'UNINITIALIZED_MEMORY', 2],
    ['ld [4294963201]\nret a', 'UNKNOWN_EXTENSION', 0],
  ])('refuses what Linux refuses: %j', (text, code, insn) => {
    expect(refusal(() => checkClassic(assembleBpfAsm(text)))).toMatchObject({ code, insn })
  })

  it('refuses jumps that leave the program, and programs that are no program', () => {
    const ret = { code: 6, jt: 0, jf: 0, k: 0 }
    const refused = (insns: ClassicInsn[]): ClassicErrorCode => refusal(() => checkClassic(insns)).code
    expect(refused([{ code: 0x15, jt: 1, jf: 0, k: 0 }, ret])).toBe('JUMP_OUT_OF_RANGE')
    expect(refused([{ code: 0x15, jt: 0, jf: 1, k: 0 }, ret])).toBe('JUMP_OUT_OF_RANGE')
    expect(refused([{ code: 0x05, jt: 0, jf: 0, k: 0xffff_ffff }, ret])).toBe('JUMP_OUT_OF_RANGE')
    expect(refused([{ code: 0x0e, jt: 0, jf: 0, k: 0 }])).toBe('UNKNOWN_OPCODE')
    expect(refused([])).toBe('EMPTY')
    expect(refused(Array.from({ length: 4097 }, () => ret))).toBe('TOO_MANY_INSNS')
  })

  it('takes memory that every path has written', () => {
    const text = 'jeq #1, aa, bb\naa: st M[3]\nja cc\nbb: stx M[3]\ncc: ld M[3]\nret a'
    expect(() => checkClassic(assembleBpfAsm(text))).not.toThrow()
  })
})
