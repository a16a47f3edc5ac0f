import type { Insn, JumpOp } from '@skep/isa'
import type { PlainInstruction } from '@skep/wasm'
import { MAX_U32 } from './calls.ts'
import { OPERAND } from './effects.ts'
import type { Emitter } from './emitter.ts'

/** include/linux/bpf.h, BPF_MAX_LOOPS: how often the may_goto instructions of one call of a function fall through. */
export const MAX_MAY_GOTO: number = 8 * 1024 * 1024

type Comparison = Exclude<JumpOp, 'set'>

const opposite: Readonly<Record<Comparison, Comparison>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  ge: 'lt',
  lt: 'ge',
  sgt: 'sle',
  sle: 'sgt',
  sge: 'slt',
  slt: 'sge',
}

const unsigned: Readonly<Record<Comparison, Comparison>> = {
  eq: 'eq',
  ne: 'ne',
  gt: 'gt',
  le: 'le',
  ge: 'ge',
  lt: 'lt',
  sgt: 'gt',
  sle: 'le',
  sge: 'ge',
  slt: 'lt',
}

const instructions: Readonly<Record<Comparison, Record<'i32' | 'i64', PlainInstruction>>> = {
  eq: { i32: 'i32_eq', i64: 'i64_eq' },
  ne: { i32: 'i32_ne', i64: 'i64_ne' },
  gt: { i32: 'i32_gt_u', i64: 'i64_gt_u' },
  le: { i32: 'i32_le_u', i64: 'i64_le_u' },
  ge: { i32: 'i32_ge_u', i64: 'i64_ge_u' },
  lt: { i32: 'i32_lt_u', i64: 'i64_lt_u' },
  sgt: { i32: 'i32_gt_s', i64: 'i64_gt_s' },
  sle: { i32: 'i32_le_s', i64: 'i64_le_s' },
  sge: { i32: 'i32_ge_s', i64: 'i64_ge_s' },
  slt: { i32: 'i32_lt_s', i64: 'i64_lt_s' },
}

/** The local that counts down for may_goto. */
export const mayGotoCounter = (e: Emitter): number => e.scratch('may_goto', 'i32')

/** Pushes an i32 that is not zero when the jump at `slot` is taken (`when`), or when it is not. */
export function emitCondition(e: Emitter, slot: number, insn: Insn, when: boolean): void {
  const { def, imm } = insn
  const { code, values } = e
  if (def.kind === 'may_goto') {
    const counter = mayGotoCounter(e)
    code.local_get(counter).i32_const(1).i32_sub().local_tee(counter).i32_const(0)
    if (when) code.i32_lt_s()
    else code.i32_ge_s()
    return
  }
  if (def.kind !== 'jump') throw new TypeError(`${def.name} has no condition`)
  const constant = def.source === 'imm'
  const small = (operand: number): boolean => values.max(slot, operand) <= MAX_U32
  if (def.jumpOp === 'set') {
    const low = constant ? imm >= 0 : small(OPERAND.dst) || small(OPERAND.src)
    emitTest(e, slot, insn, def.width === 32 || low, when)
    return
  }
  let op: Comparison = when ? def.jumpOp : opposite[def.jumpOp]
  const reduced = def.width === 64 && small(OPERAND.dst) && (constant ? imm >= 0 : small(OPERAND.src))
  // Numbers without a high half are not negative.
  if (reduced) op = unsigned[op]
  if (def.width === 32 || reduced) {
    e.push32(slot, OPERAND.dst)
    if (constant && imm === 0 && op === 'eq') {
      code.i32_eqz()
      return
    }
    if (constant && imm === 0 && op === 'ne') return
    if (constant) code.i32_const(imm)
    else e.push32(slot, OPERAND.src)
    code[instructions[op].i32]()
  } else {
    e.push64(slot, OPERAND.dst)
    if (constant && imm === 0 && op === 'eq') {
      code.i64_eqz()
      return
    }
    if (constant) code.i64_const(imm)
    else e.push64(slot, OPERAND.src)
    code[instructions[op].i64]()
  }
}

function emitTest(e: Emitter, slot: number, insn: Insn, narrow: boolean, when: boolean): void {
  const { code } = e
  const constant = insn.def.source === 'imm'
  if (narrow) {
    e.push32(slot, OPERAND.dst)
    if (constant) code.i32_const(insn.imm)
    else e.push32(slot, OPERAND.src)
    code.i32_and()
    if (!when) code.i32_eqz()
    return
  }
  e.push64(slot, OPERAND.dst)
  if (constant) code.i64_const(insn.imm)
  else e.push64(slot, OPERAND.src)
  code.i64_and()
  if (when) code.i64_const(0).i64_ne()
  else code.i64_eqz()
}
