import { describe, expect, expectTypeOf, it } from 'vitest'
import { type AluOp, type AtomicOp, allDefs, defs, type JumpOp, type OpDef, type OpName } from './table.ts'

// The numbers of RFC 9669, section 3 to 5, apart from the table so that a slip in a row shows.
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 }
const SIZE = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 }
const ALU: Record<AluOp, number> = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  sdiv: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  smod: 0x90,
  xor: 0xa0,
  arsh: 0xc0,
}
const JUMP: Record<JumpOp, number> = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
}
const ATOMIC: Record<AtomicOp, number> = { add: 0, or: 0x40, and: 0x50, xor: 0xa0, xchg: 0xe0, cmpxchg: 0xf0 }

function composedCode(def: OpDef): number {
  const source = def.source === 'reg' ? 0x08 : 0
  switch (def.kind) {
    case 'alu':
      return ALU[def.aluOp] | source | (def.width === 64 ? CLASS.alu64 : CLASS.alu)
    case 'mov':
    case 'movsx':
    case 'addr_space_cast':
      return 0xb0 | source | (def.width === 64 ? CLASS.alu64 : CLASS.alu)
    case 'neg':
      return 0x80 | (def.width === 64 ? CLASS.alu64 : CLASS.alu)
    case 'endian':
      return 0xd0 | (def.order === 'be' ? 0x08 : 0) | (def.order === 'bswap' ? CLASS.alu64 : CLASS.alu)
    case 'ldx':
      return 0x60 | SIZE[def.size] | CLASS.ldx
    case 'ldxsx':
      return 0x80 | SIZE[def.size] | CLASS.ldx
    case 'st':
      return 0x60 | SIZE[def.size] | CLASS.st
    case 'stx':
      return 0x60 | SIZE[def.size] | CLASS.stx
    case 'atomic':
    case 'load_acq':
    case 'store_rel':
      return 0xc0 | SIZE[def.size] | CLASS.stx
    case 'ld_abs':
      return 0x20 | SIZE[def.size] | CLASS.ld
    case 'ld_ind':
      return 0x40 | SIZE[def.size] | CLASS.ld
    case 'ld_imm64':
      return 0x00 | SIZE[8] | CLASS.ld
    case 'ld_imm64_hi':
      return 0
    case 'jump':
      return JUMP[def.jumpOp] | source | (def.width === 64 ? CLASS.jmp : CLASS.jmp32)
    case 'ja':
      return def.name === 'ja' ? CLASS.jmp : CLASS.jmp32
    case 'may_goto':
      return 0xe0 | CLASS.jmp
    case 'call':
      return 0x80 | CLASS.jmp
    case 'callx':
      return 0x80 | 0x08 | CLASS.jmp
    case 'gotox':
      return 0x00 | 0x08 | CLASS.jmp
    case 'exit':
      return 0x90 | CLASS.jmp
  }
}

describe('ops', () => {
  it('has the opcode byte that class, operation, source and size make', () => {
    const wrong = allDefs.filter((def) => def.code !== composedCode(def)).map((def) => def.name)
    expect(wrong).toEqual([])
  })

  it('has the atomic operation that the name says', () => {
    for (const def of allDefs) {
      if (def.kind !== 'atomic') continue
      expect(def.imm, def.name).toBe(ATOMIC[def.atomicOp] | (def.fetch ? 1 : 0))
      expect(def.size * 8, def.name).toBe(def.width)
    }
  })

  it('has no two rows that a program could mean with the same bytes', () => {
    const key = (def: OpDef): string =>
      [def.code, 'src' in def ? def.src : '', 'off' in def ? def.off : '', 'imm' in def ? def.imm : ''].join()
    expect(new Set(allDefs.map(key)).size).toBe(allDefs.length)
  })

  it('has no field both fixed and used', () => {
    for (const def of allDefs) {
      for (const field of def.fields) if (field !== 'pseudo') expect(field in def, def.name).toBe(false)
    }
  })

  it('gives every row its name, and narrows by kind and by name', () => {
    expect(defs.add64_imm).toMatchObject({ name: 'add64_imm', aluOp: 'add', width: 64, source: 'imm' })
    expectTypeOf(defs.atomic32_xchg.imm).toEqualTypeOf<0xe1>()
    expectTypeOf<Extract<OpDef, { kind: 'jump' }>['jumpOp']>().toEqualTypeOf<JumpOp>()
    expectTypeOf<Extract<OpDef, { kind: 'alu' }>['aluOp']>().toEqualTypeOf<AluOp>()
    expectTypeOf<'callx'>().toExtend<OpName>()
  })
})
