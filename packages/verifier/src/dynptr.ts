import type { ArgDesc } from '@skep/registry'
import type { Env } from './env.ts'
import { fail, failReg, Reject } from './errors.ts'
import { REG_AUX0, REG_AUX1, REG_ID, REG_REF_OBJ_ID } from './layout.ts'
import { DYNPTR_NAMES } from './log-state.ts'
import { acquireReference, releaseReference } from './refs.ts'
import { CONST_PTR_TO_DYNPTR, PTR_MAYBE_NULL, PTR_TO_MEM, PTR_TO_STACK } from './reg-type.ts'
import {
  aux0,
  aux1,
  forEachReg,
  frameOf,
  idOf,
  markInvalid,
  markNotInit,
  markPointer,
  offOf,
  refOf,
  typeOf,
} from './regs.ts'
import { type Frame, STACK_DYNPTR, STACK_INVALID, slotOf } from './state.ts'

// A dynptr is two stack slots, or a register CONST_PTR_TO_DYNPTR. Its record holds the type in AUX0, in AUX1 whether it is
// the first slot (the one at the lower address has the higher index), and in ID what slices of it refer to.
export const DYNPTR_LOCAL = 1
export const DYNPTR_RINGBUF = 2
export const DYNPTR_SKB = 3
export const DYNPTR_XDP = 4
export const DYNPTR_SKB_META = 5

export const DYNPTR_SLOTS = 2

/** Where a stack object lies: its highest slot, or why it cannot lie there. */
export const SLOT_OUTSIDE: number = -2

/** stack_slot_obj_get_spi: the slot of an object of `slots` slots; SLOT_OUTSIDE beyond the stack in use. */
export function objectSlot(env: Env, reg: number, kind: string, slots: number): number {
  if (!env.domain.isConst(reg)) fail('EINVAL', `${kind} has to be at a constant offset`)
  const off = offOf(env, reg) + env.domain.constLo(reg)
  if (off % 8 !== 0) fail('EINVAL', `cannot pass in ${kind} at an offset=${off}`)
  const spi = slotOf(off)
  if (spi + 1 < slots) fail('EINVAL', `cannot pass in ${kind} at an offset=${off}`)
  return spi - slots + 1 >= 0 && spi < frameOf(env, reg).slots ? spi : SLOT_OUTSIDE
}

export const dynptrSlot = (env: Env, reg: number): number => objectSlot(env, reg, 'dynptr', DYNPTR_SLOTS)

const isRefcounted = (type: number): boolean => type === DYNPTR_RINGBUF

/** __mark_dynptr_reg */
export function markDynptr(env: Env, reg: number, type: number, first: boolean, id: number): void {
  markPointer(env, reg, CONST_PTR_TO_DYNPTR)
  const { i32 } = env.heap
  i32[(reg + REG_ID) >> 2] = id
  i32[(reg + REG_AUX0) >> 2] = type
  i32[(reg + REG_AUX1) >> 2] = first ? 1 : 0
}

function clearSlots(env: Env, frame: Frame, spi: number): void {
  env.heap.u8.fill(STACK_INVALID, frame.types(spi), frame.types(spi) + 8)
  env.heap.u8.fill(STACK_INVALID, frame.types(spi - 1), frame.types(spi - 1) + 8)
  markNotInit(env, frame.slot(spi))
  markNotInit(env, frame.slot(spi - 1))
  env.liveness.markWrite(frame.frameno, spi)
  env.liveness.markWrite(frame.frameno, spi - 1)
}

/** Writing into a dynptr's slots destroys it, and what was made of it (destroy_if_dynptr_stack_slot). */
export function destroyIfDynptr(env: Env, frame: Frame, slot: number): void {
  if (slot < 0 || slot >= frame.slots || env.heap.u8[frame.types(slot)] !== STACK_DYNPTR) return
  const spi = aux1(env, frame.slot(slot)) ? slot : slot + 1
  if (isRefcounted(aux0(env, frame.slot(spi)))) fail('EINVAL', 'cannot overwrite referenced dynptr')
  if (env.log.level) {
    env.log.scratchSlot(spi)
    env.log.scratchSlot(spi - 1)
  }
  const id = idOf(env, frame.slot(spi))
  forEachReg(env, env.cur, (reg) => {
    const type = typeOf(env, reg)
    if (type !== PTR_TO_MEM && type !== (PTR_TO_MEM | PTR_MAYBE_NULL)) return
    if (aux1(env, reg) === id) markInvalid(env, reg)
  })
  clearSlots(env, frame, spi)
}

/** mark_stack_slots_dynptr: a new dynptr in the slots that the register points to. */
export function markDynptrSlots(env: Env, reg: number, type: number, insn: number, sharedRef: number): void {
  const frame = frameOf(env, reg)
  const spi = dynptrSlot(env, reg)
  destroyIfDynptr(env, frame, spi)
  destroyIfDynptr(env, frame, spi - 1)
  env.heap.u8.fill(STACK_DYNPTR, frame.types(spi), frame.types(spi) + 8)
  env.heap.u8.fill(STACK_DYNPTR, frame.types(spi - 1), frame.types(spi - 1) + 8)
  const id = ++env.idGen
  markDynptr(env, frame.slot(spi), type, true, id)
  markDynptr(env, frame.slot(spi - 1), type, false, id)
  if (isRefcounted(type)) {
    const ref = sharedRef || acquireReference(env, insn)
    env.heap.i32[(frame.slot(spi) + REG_REF_OBJ_ID) >> 2] = ref
    env.heap.i32[(frame.slot(spi - 1) + REG_REF_OBJ_ID) >> 2] = ref
  }
  env.liveness.markWrite(frame.frameno, spi)
  env.liveness.markWrite(frame.frameno, spi - 1)
}

/** unmark_stack_slots_dynptr: releases a dynptr, and with a counted one its clones. */
export function releaseDynptr(env: Env, reg: number): void {
  const frame = frameOf(env, reg)
  const spi = dynptrSlot(env, reg)
  if (!isRefcounted(aux0(env, frame.slot(spi)))) {
    clearSlots(env, frame, spi)
    return
  }
  const ref = refOf(env, frame.slot(spi))
  releaseReference(env, ref)
  for (let i = 1; i < frame.slots; i++) {
    const slot = frame.slot(i)
    if (env.heap.u8[frame.types(i)] !== STACK_DYNPTR || refOf(env, slot) !== ref) continue
    if (aux1(env, slot)) clearSlots(env, frame, i)
  }
}

export const dynptrTypeOf = (desc: ArgDesc): number => DYNPTR_NAMES.indexOf(desc.dynptr?.[0] ?? '<invalid>')

function isInitialized(env: Env, reg: number): boolean {
  if (typeOf(env, reg) === CONST_PTR_TO_DYNPTR) return true
  const frame = frameOf(env, reg)
  const spi = dynptrSlot(env, reg)
  if (spi < 0 || !aux1(env, frame.slot(spi))) return false
  const { u8 } = env.heap
  for (let i = 0; i < 8; i++) {
    if (u8[frame.types(spi) + i] !== STACK_DYNPTR || u8[frame.types(spi - 1) + i] !== STACK_DYNPTR)
      return false
  }
  return true
}

/** Record that describes the dynptr a register points to. */
export function dynptrRecord(env: Env, reg: number): number {
  return typeOf(env, reg) === CONST_PTR_TO_DYNPTR ? reg : frameOf(env, reg).slot(dynptrSlot(env, reg))
}

/** Runs a check whose refusals the log explains with one line more. */
export function explained<T>(line: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof Reject) throw new Reject(error.errno, [...error.lines, line], error.register)
    throw error
  }
}

/** process_dynptr_func: a dynptr argument; `write` checks one store of eight bytes at an offset. */
export function checkDynptrArg(
  env: Env,
  regno: number,
  desc: ArgDesc,
  insn: number,
  write: (off: number) => void,
): void {
  checkDynptrPointer(env, regno)
  if (desc.uninit) {
    checkNewDynptr(env, regno, dynptrTypeOf(desc), insn, 0, write)
    return
  }
  if (typeOf(env, env.reg(regno)) === CONST_PTR_TO_DYNPTR && desc.access !== 'read') {
    failReg(regno, 'EINVAL', 'cannot pass pointer to const bpf_dynptr, the helper mutates it')
  }
  checkKnownDynptr(env, regno, desc.dynptr ? dynptrTypeOf(desc) : 0)
}

export function checkDynptrPointer(env: Env, regno: number): void {
  const type = typeOf(env, env.reg(regno))
  if (type !== PTR_TO_STACK && type !== CONST_PTR_TO_DYNPTR) {
    failReg(regno, 'EINVAL', `arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr`)
  }
}

/** A dynptr that the call makes; `sharedRef` is the reference that a clone has in common with its source. */
export function checkNewDynptr(
  env: Env,
  regno: number,
  dynptr: number,
  insn: number,
  sharedRef: number,
  write: (off: number) => void,
): void {
  const reg = env.reg(regno)
  const line = 'Dynptr has to be an uninitialized dynptr'
  if (typeOf(env, reg) === CONST_PTR_TO_DYNPTR) failReg(regno, 'EINVAL', line)
  explained(line, () => dynptrSlot(env, reg))
  write(0)
  write(8)
  markDynptrSlots(env, reg, dynptr, insn, sharedRef)
}

/** A dynptr that the call uses, of one type where `expected` is not 0. */
export function checkKnownDynptr(env: Env, regno: number, expected: number): void {
  const reg = env.reg(regno)
  const uninitialized = `Expected an initialized dynptr as arg #${regno - 1}`
  if (!explained(uninitialized, () => isInitialized(env, reg))) failReg(regno, 'EINVAL', uninitialized)
  const record = dynptrRecord(env, reg)
  if (expected > 0 && aux0(env, record) !== expected) {
    failReg(regno, 'EINVAL', `Expected a dynptr of type ${DYNPTR_NAMES[expected]} as arg #${regno - 1}`)
  }
  if (typeOf(env, reg) === CONST_PTR_TO_DYNPTR) return
  const frame = frameOf(env, reg)
  const spi = dynptrSlot(env, reg)
  for (let i = 0; i < DYNPTR_SLOTS; i++) {
    env.liveness.markRead(frame.frameno, spi - i)
    if (env.log.level) env.log.scratchSlot(spi - i)
  }
}
