import type { AluOp, Insn } from '@skep/isa'
import { ACCESS, FACT, type LinkedProgram } from '@skep/registry'
import { type CallPlan, helperMax, MAX_ADDRESS, MAX_U32, MAX_U64, mapOpShapes } from './calls.ts'

/** Sums and products beyond this are not exact in a double: nothing is known of them. */
const EXACT = 2 ** 53

const orUnknown = (value: number): number => (value < EXACT ? value : MAX_U64)

/** The largest number with as many bits. */
const ones = (value: number): number =>
  value > MAX_U32 ? MAX_U64 : value === 0 ? 0 : 2 ** (32 - Math.clz32(value)) - 1

/** Largest result of an operation on unsigned numbers of `width` bits that are at most `a` and `b`. */
function aluMax(op: AluOp, width: 32 | 64, a: number, b: number, constant: boolean): number {
  const limit = width === 32 ? MAX_U32 : MAX_U64
  const sign = width === 32 ? 2 ** 31 : 2 ** 63
  switch (op) {
    case 'add':
      return orUnknown(a + b)
    case 'mul':
      return orUnknown(a * b)
    case 'div':
      return constant && b > 0 ? Math.floor(a / b) : a
    case 'mod':
      return constant && b > 0 ? Math.min(a, b - 1) : a
    case 'and':
      return Math.min(a, b)
    case 'or':
    case 'xor':
      return ones(Math.max(a, b))
    case 'lsh':
      return constant ? orUnknown(a * 2 ** (b % width)) : limit
    case 'rsh':
      return constant ? Math.floor(a / 2 ** (b % width)) : a
    case 'arsh':
      return a >= sign ? limit : constant ? Math.floor(a / 2 ** (b % width)) : a
    case 'sub':
    case 'sdiv':
    case 'smod':
      return limit
  }
}

const sizeMax = (size: number): number => (size === 8 ? MAX_U64 : 2 ** (8 * size) - 1)

function loadMax(program: LinkedProgram, slot: number, insn: Insn, size: number): number {
  if (size === 4 && program.context && program.facts?.access[slot] === ACCESS.ctx) {
    const field = program.context.fields.find(({ offset }) => offset === insn.off)
    if (field?.pointer !== undefined) return MAX_ADDRESS
  }
  return sizeMax(size)
}

function callMax(plan: CallPlan): number {
  switch (plan.kind) {
    case 'array_lookup':
      return MAX_ADDRESS
    case 'map_op':
      return mapOpShapes[plan.op].result === 'address' ? MAX_ADDRESS : MAX_U64
    case 'helper':
      return helperMax(plan.helper.def)
    case 'lowered':
      return plan.type === 'i32' ? Math.min(helperMax(plan.helper.def), MAX_U32) : helperMax(plan.helper.def)
    default:
      return MAX_U64
  }
}

/**
 * The largest value, unsigned, of the register that the instruction at `slot` writes, from those of its operands (-1: no
 * value has been found yet). 2^64 means that nothing is known; what is above 2^32 is only known to be so.
 */
export function resultMax(
  program: LinkedProgram,
  slot: number,
  insn: Insn,
  dst: number,
  src: number,
  plan: CallPlan | undefined,
): number {
  const found = plainMax(program, slot, insn, dst, src, plan)
  const fits = ((program.facts?.flags[slot] ?? 0) & FACT.fits32) !== 0
  return fits ? Math.min(found, MAX_U32) : found
}

function plainMax(
  program: LinkedProgram,
  slot: number,
  insn: Insn,
  dst: number,
  src: number,
  plan: CallPlan | undefined,
): number {
  const { def, imm } = insn
  switch (def.kind) {
    case 'alu': {
      const constant = def.source === 'imm'
      if (def.width === 64) {
        const b = constant ? (imm < 0 ? MAX_U64 : imm) : src
        return Math.min(dst, b) < 0 ? -1 : aluMax(def.aluOp, 64, dst, b, constant && imm >= 0)
      }
      const b = constant ? imm >>> 0 : Math.min(src, MAX_U32)
      if (Math.min(dst, b) < 0) return -1
      return Math.min(aluMax(def.aluOp, 32, Math.min(dst, MAX_U32), b, constant), MAX_U32)
    }
    case 'mov':
      if (def.source === 'imm') return imm >= 0 ? imm : def.width === 32 ? imm >>> 0 : MAX_U64
      return def.width === 32 ? Math.min(src, MAX_U32) : src
    case 'movsx':
      return src < 2 ** (def.from - 1) ? src : def.width === 32 ? MAX_U32 : MAX_U64
    case 'neg':
      return def.width === 32 ? MAX_U32 : MAX_U64
    case 'addr_space_cast':
      return Math.min(src, MAX_U32)
    case 'endian':
      return sizeMax(def.size)
    case 'ld_imm64':
      return insn.imm64 === undefined ? MAX_U64 : insn.src === 4 ? MAX_U32 : orUnknown(Number(insn.imm64))
    case 'ldx':
    case 'load_acq':
      return loadMax(program, slot, insn, def.size)
    case 'atomic':
      return sizeMax(def.size)
    case 'ld_abs':
    case 'ld_ind':
      return sizeMax(def.size)
    case 'call':
    case 'callx':
      return plan ? callMax(plan) : MAX_U64
    default:
      return MAX_U64
  }
}
