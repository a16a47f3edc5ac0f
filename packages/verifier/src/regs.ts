import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import {
  BPF_ADD_CONST,
  REG_AUX0,
  REG_FLAG_PRECISE,
  REG_FLAGS,
  REG_ID,
  REG_OFF,
  REG_REF_OBJ_ID,
  REG_SIZE,
  REG_SMAX,
  REG_SMIN,
  REG_TYPE,
} from './layout.ts'
import { BPF_REG_FP } from './limits.ts'
import type { VerifierMap } from './maps.ts'
import { NOT_INIT, SCALAR_VALUE } from './reg-type.ts'
import { type Frame, isSpilled } from './state.ts'

export const typeOf = (env: Env, reg: number): number => env.heap.i32[(reg + REG_TYPE) >> 2]!
export const offOf = (env: Env, reg: number): number => env.heap.i32[(reg + REG_OFF) >> 2]!
export const idOf = (env: Env, reg: number): number => env.heap.i32[(reg + REG_ID) >> 2]!
export const refOf = (env: Env, reg: number): number => env.heap.i32[(reg + REG_REF_OBJ_ID) >> 2]!
export const aux0 = (env: Env, reg: number): number => env.heap.i32[(reg + REG_AUX0) >> 2]!
export const aux1 = (env: Env, reg: number): number => env.heap.i32[(reg + REG_AUX0 + 4) >> 2]!
export const word = (env: Env, reg: number, field: number): number => env.heap.i32[(reg + field) >> 2]!

export const isPrecise = (env: Env, reg: number): boolean =>
  (env.heap.i32[(reg + REG_FLAGS) >> 2]! & REG_FLAG_PRECISE) !== 0

export function setPrecise(env: Env, reg: number): void {
  env.heap.i32[(reg + REG_FLAGS) >> 2]! |= REG_FLAG_PRECISE
}

/** Is the smallest signed value the smallest of all? */
export const sminIsLowest = (env: Env, reg: number): boolean => {
  const at = (reg + REG_SMIN) >> 2
  return env.heap.i32[at] === 0 && env.heap.i32[at + 1] === -0x80000000
}

export const sminIsNegative = (env: Env, reg: number): boolean =>
  env.heap.i32[((reg + REG_SMIN) >> 2) + 1]! < 0
export const smaxIsNegative = (env: Env, reg: number): boolean =>
  env.heap.i32[((reg + REG_SMAX) >> 2) + 1]! < 0

/** mark_reg_unknown: any scalar. */
export const markUnknown = (env: Env, reg: number): void => env.domain.records.markUnknown(reg)

/** mark_reg_not_init: nothing that may be read. */
export const markNotInit = (env: Env, reg: number): void => env.domain.records.markNotInit(reg)

/** mark_reg_known_zero: a pointer of the given kind without any offset, and without identity. */
export function markPointer(env: Env, reg: number, type: number): void {
  env.domain.records.markKind(reg, type)
  env.domain.setZero(reg)
}

/** __mark_reg_const_zero: the scalar 0. */
export function markConstZero(env: Env, reg: number): void {
  env.domain.records.markKind(reg, SCALAR_VALUE)
  env.domain.setZero(reg)
}

/** A scalar known to be `value`, sign-extended. */
export function markKnownS32(env: Env, reg: number, value: number): void {
  env.domain.records.markKind(reg, SCALAR_VALUE)
  env.domain.setConstS32(reg, value)
}

/** A scalar known to be `value`, zero-extended. */
export function markKnownU32(env: Env, reg: number, value: number): void {
  env.domain.records.markKind(reg, SCALAR_VALUE)
  env.domain.setConstU32(reg, value)
}

export function markKnown64(env: Env, reg: number, lo: number, hi: number): void {
  env.domain.records.markKind(reg, SCALAR_VALUE)
  env.domain.setConst(reg, lo, hi)
}

/** mark_reg_invalid: what a pointer to something gone becomes. */
export function markInvalid(env: Env, reg: number): void {
  if (env.allowPtrLeaks) markUnknown(env, reg)
  else markNotInit(env, reg)
}

/** register_is_null: the scalar 0. */
export const isNullScalar = (env: Env, reg: number): boolean =>
  typeOf(env, reg) === SCALAR_VALUE && env.domain.isZero(reg) !== 0

/** A pointer that this loader must not see as a number. */
export const isPointerValue = (env: Env, reg: number): boolean =>
  !env.allowPtrLeaks && typeOf(env, reg) !== SCALAR_VALUE

/** check_reg_arg(SRC_OP): the register may be read. */
export function checkRead(env: Env, regno: number): void {
  if (regno > BPF_REG_FP) failReg(regno, 'EINVAL', `R${regno} is invalid`)
  if (env.log.level) env.log.scratchReg(regno)
  if (env.heap.i32[(env.regs + regno * REG_SIZE + REG_TYPE) >> 2] === NOT_INIT) {
    failReg(regno, 'EACCES', `R${regno} !read_ok`)
  }
}

/** check_reg_arg(DST_OP_NO_MARK): the register may be written. */
export function checkWrite(env: Env, regno: number): void {
  if (regno > BPF_REG_FP) failReg(regno, 'EINVAL', `R${regno} is invalid`)
  if (env.log.level) env.log.scratchReg(regno)
  if (regno === BPF_REG_FP) failReg(regno, 'EACCES', 'frame pointer is read only')
}

/** check_reg_arg(DST_OP): written with anything. */
export function checkWriteUnknown(env: Env, regno: number): void {
  checkWrite(env, regno)
  markUnknown(env, env.reg(regno))
}

/** After a call: r0 to r5 are gone. */
export function clearCallerSaved(env: Env, regs: number): void {
  env.domain.records.clearCallerSaved(regs)
  if (env.log.level) for (let r = 0; r <= 5; r++) env.log.scratchReg(r)
}

/** The frame that a stack pointer points into. */
export const frameOf = (env: Env, reg: number): Frame => env.cur.frames[aux0(env, reg)]!

/** The map that a pointer belongs to. */
export const mapOf = (env: Env, reg: number): VerifierMap => env.maps.list[aux0(env, reg) - 1]!

/** Calls `visit` with the address of every register and every spilled register of the current state. */
export function forEachReg(
  env: Env,
  state: typeof env.cur,
  visit: (reg: number, frame: Frame) => void,
): void {
  for (let f = 0; f <= state.curframe; f++) {
    const frame = state.frames[f]!
    for (let r = 0; r <= BPF_REG_FP; r++) visit(frame.reg(r), frame)
    for (let spi = 0; spi < frame.slots; spi++) {
      if (isSpilled(env.heap, frame.types(spi))) visit(frame.slot(spi), frame)
    }
  }
}

/** The scalar is linked with no other any more; what it was away from them is forgotten with it. */
export function unlinkScalar(env: Env, reg: number): void {
  env.heap.i32[(reg + REG_ID) >> 2] = 0
  env.heap.i32[(reg + REG_OFF) >> 2] = 0
}

/** assign_scalar_id_before_mov: so that the copy about to be made is linked with its source. */
export function assignScalarId(env: Env, reg: number): void {
  const { i32 } = env.heap
  if (i32[(reg + REG_TYPE) >> 2] !== SCALAR_VALUE) return
  const at = (reg + REG_ID) >> 2
  if (i32[at]! & BPF_ADD_CONST) {
    i32[at] = 0
    i32[(reg + REG_OFF) >> 2] = 0
  }
  if (i32[at] === 0 && !env.domain.isConst(reg)) i32[at] = ++env.idGen
}
