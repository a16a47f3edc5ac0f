import { allDefs, type Insn, insn, type OpDef } from '@skep/isa'
import { Random } from '../../vm-interpreter/test/random-numbers.ts'

export interface RandomOptions {
  readonly blocks: number
  readonly length: number
  readonly subprograms: number
  /** Bytes of the buffer that r1 points to. */
  readonly buffer: number
}

/** Helpers that random programs call: 1 takes numbers, 2 a pointer in r2 and a number in r1. */
export const RANDOM_HELPERS = { numbers: 1, pointer: 2 } as const

const kinds = (...wanted: readonly OpDef['kind'][]): readonly OpDef[] =>
  allDefs.filter(({ kind }) => wanted.includes(kind))

const computing = kinds('alu', 'mov', 'movsx', 'neg', 'endian')
const jumps = kinds('jump')
const accesses = kinds('ldx', 'ldxsx', 'st', 'stx', 'load_acq', 'store_rel')
const atomics = kinds('atomic')

const interesting: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
]

/** Registers with a fixed role: what is left to run, and the buffer. */
const FUEL = 8
const BUFFER = 9
/** Bytes of each frame that programs use. */
const STACK = 64

/**
 * A program of random blocks that end in any jump, forwards or backwards, and stops by itself. Every register is written
 * before it is read and every access is in the stack or the buffer, as in verified programs; r0 depends on most of them.
 */
export function randomProgram(seed: number, options: RandomOptions): Insn[] {
  const random = new Random(seed)
  const functions = Array.from({ length: options.subprograms + 1 }, (_, n) =>
    randomFunction(random, n, options),
  )
  const starts: number[] = []
  let at = 0
  for (const { code } of functions) {
    starts.push(at)
    at += code.length
  }
  return functions.flatMap(({ code, calls }, n) => {
    for (const [slot, callee] of calls)
      code[slot] = insn.call_local(starts[callee]! - (starts[n]! + slot + 1))
    return code
  })
}

interface Drafted {
  readonly code: Insn[]
  /** Functions called, by slot. */
  readonly calls: Map<number, number>
}

function randomFunction(random: Random, self: number, options: RandomOptions): Drafted {
  const code: Insn[] = []
  const calls = new Map<number, number>()
  const later = Array.from({ length: options.subprograms - self }, (_, n) => self + 1 + n)
  const jumpsAt: { slot: number; block: number }[] = []
  const starts: number[] = []
  const register = (): number => random.below(8)
  const constant = (): number => {
    const value = random.below(3) === 0 ? BigInt(random.next()) : random.pick(interesting)
    return Number(BigInt.asIntN(32, value))
  }
  const setRegister = (reg: number): void => {
    code.push(...insn.ld_imm64(reg, random.below(3) === 0 ? BigInt(random.next()) : random.pick(interesting)))
  }
  const jumpTo = (block: number, make: (off: number) => Insn): void => {
    jumpsAt.push({ slot: code.length, block })
    code.push(make(0))
  }
  const base = (def: OpDef, reg: number, limit: number, low: number): Insn => {
    const size = 'size' in def ? def.size : 8
    const off = low + random.below((limit - low) / size) * size
    const make = insn[def.name as 'ldx_b'] as unknown as (...operands: number[]) => Insn
    const other = register()
    const operands = def.fields.map((field) => {
      if (field === 'off') return off
      if (field === 'imm') return constant()
      const isBase = def.kind === 'ldx' || def.kind === 'ldxsx' || def.kind === 'load_acq' ? 'src' : 'dst'
      return field === isBase ? reg : other
    })
    return make(...operands)
  }
  const access = (def: OpDef): Insn =>
    random.below(2) === 0 ? base(def, 10, 0, -STACK) : base(def, BUFFER, options.buffer, 0)
  const afterCall = (): void => {
    for (let reg = 1; reg <= 5; reg++) setRegister(reg)
  }

  // A subprogram gets the buffer in r2.
  code.push(insn.mov64_reg(BUFFER, self === 0 ? 1 : 2), insn.mov64_imm(FUEL, self === 0 ? 60 : 8))
  if (self > 0) code.push(insn.mov64_reg(6, 1), insn.mov64_reg(7, 5))
  for (let reg = 0; reg < 8; reg++) if (self === 0 || reg < 6) setRegister(reg)
  for (let off = -STACK; off < 0; off += 8) code.push(insn.stx_dw(10, random.below(8), off))

  const last = options.blocks
  for (let block = 0; block < options.blocks; block++) {
    starts.push(code.length)
    code.push(insn.add64_imm(FUEL, -1))
    jumpTo(last, (off) => insn.jsle64_imm(FUEL, 0, off))
    for (let n = random.below(options.length + 1); n > 0; n--) {
      const choice = random.below(20)
      if (choice < 11) {
        const def = random.pick(computing)
        const make = insn[def.name as 'add64_imm'] as unknown as (...operands: number[]) => Insn
        code.push(make(...def.fields.map((field) => (field === 'imm' ? constant() : register()))))
      } else if (choice < 15) {
        code.push(access(random.pick(accesses)))
      } else if (choice < 16) {
        code.push(access(random.pick(atomics)))
      } else if (choice < 17) {
        setRegister(register())
      } else if (choice < 18) {
        code.push(insn.call_helper(RANDOM_HELPERS.numbers))
        afterCall()
      } else if (choice < 19) {
        code.push(insn.mov64_reg(2, 10), insn.add64_imm(2, -8 * (1 + random.below(8))))
        code.push(insn.call_helper(RANDOM_HELPERS.pointer))
        afterCall()
      } else if (later.length > 0) {
        code.push(insn.mov64_reg(2, BUFFER))
        calls.set(code.length, random.pick(later))
        code.push(insn.exit())
        afterCall()
      }
    }
    const target = random.below(options.blocks + 1)
    if (random.below(5) === 0) jumpTo(target, (off) => insn.ja(off))
    else {
      const def = random.pick(jumps)
      const make = insn[def.name as 'jeq64_imm'] as unknown as (...operands: number[]) => Insn
      const [dst, src, imm] = [register(), register(), constant()]
      jumpTo(target, (off) => make(...def.fields.map((field) => ({ dst, src, off, imm, pseudo: 0 })[field])))
    }
  }
  starts.push(code.length)
  // Some registers end up in r0 whole, some by their low half, some not at all.
  for (let reg = 1; reg < 8; reg++) {
    const how = random.below(3)
    if (how === 0) code.push(insn.mul64_imm(0, 31), insn.xor64_reg(0, reg))
    else if (how === 1) code.push(insn.mov32_reg(reg, reg), insn.mul64_imm(0, 33), insn.add64_reg(0, reg))
  }
  code.push(insn.exit())
  for (const { slot, block } of jumpsAt) {
    code[slot] = { ...code[slot]!, off: starts[block]! - (slot + 1) }
  }
  return { code, calls }
}
