import { markNotNull } from '../branch.ts'
import { explained, objectSlot, SLOT_OUTSIDE } from '../dynptr.ts'
import type { Env } from '../env.ts'
import { fail, failReg } from '../errors.ts'
import { KERNEL_BTF } from '../kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_AUX2, REG_AUX3, REG_REF_OBJ_ID, REG_TYPE } from '../layout.ts'
import { findPreviousEntry, widenImpreciseScalars } from '../loops.ts'
import { checkMemAccess } from '../memory-access.ts'
import { pushState } from '../pending.ts'
import { acquireReference, releaseReference } from '../refs.ts'
import { MEM_RCU, PTR_TO_STACK, PTR_UNTRUSTED } from '../reg-type.ts'
import { aux0, aux1, frameOf, markConstZero, markNotInit, markPointer, refOf, typeOf, word } from '../regs.ts'
import { type Frame, STACK_INVALID, STACK_ITER, type State, sameCallsites } from '../state.ts'
import { ITER_STATE_ACTIVE, ITER_STATE_DRAINED } from '../states-equal.ts'
import type { KfuncMeta } from './meta.ts'
import { hasFlag } from './prototype.ts'

// An iterator is some stack slots. The record of each holds its struct in AUX0 and AUX1, that of the highest also the
// state in AUX2, the number of rounds in AUX3 and the reference; REG_TYPE has MEM_RCU or PTR_UNTRUSTED where it matters.

const SLOT_BYTES = 8

/** process_iter_arg */
export function checkIteratorArg(env: Env, regno: number, meta: KfuncMeta): void {
  const { kfunc } = meta
  const reg = env.reg(regno)
  if (typeOf(env, reg) !== PTR_TO_STACK) {
    failReg(regno, 'EINVAL', `arg#${regno - 1} expected pointer to an iterator on stack`)
  }
  const struct = kfunc.params[regno - 1]!.target
  const name = env.btfName(KERNEL_BTF, struct).replace(/^bpf_iter_/, '')
  const slots = (env.kfuncTypes.btf.size(struct) ?? 0) / SLOT_BYTES
  if (hasFlag(kfunc, 'iter_new')) {
    const uninitialized = `expected uninitialized iter_${name} as arg #${regno - 1}`
    const spi = explained(uninitialized, () => objectSlot(env, reg, 'iter', slots))
    if (spi !== SLOT_OUTSIDE && !isFree(env, frameOf(env, reg), spi, slots)) {
      failReg(regno, 'EINVAL', uninitialized)
    }
    for (let i = 0; i < slots; i++) checkMemAccess(env, regno, i * SLOT_BYTES, 8, true, -1, false, false)
    markSlots(env, reg, struct, slots, hasFlag(kfunc, 'rcu_protected'))
    return
  }
  const frame = frameOf(env, reg)
  const expected = `expected an initialized iter_${name} as arg #${regno - 1}`
  const spi = explained(expected, () => objectSlot(env, reg, 'iter', slots))
  const problem = spi < 0 ? 'uninitialized' : problemOf(env, frame, spi, struct, slots)
  if (problem === 'no_rcu') failReg(regno, 'EPROTO', `expected an RCU CS when using ${kfunc.name}`)
  if (problem) failReg(regno, 'EINVAL', expected)
  for (let i = 0; i < slots; i++) {
    env.liveness.markRead(frame.frameno, spi - i)
    if (env.log.level) env.log.scratchSlot(spi - i)
  }
  meta.iterFrame = frame.frameno
  meta.iterSlot = spi
  meta.refObjId = refOf(env, frame.slot(spi))
  if (hasFlag(kfunc, 'iter_destroy')) unmarkSlots(env, frame, spi, slots)
}

function isFree(env: Env, frame: Frame, spi: number, slots: number): boolean {
  for (let i = 0; i < slots; i++) {
    const types = frame.types(spi - i)
    if (env.heap.u8.subarray(types, types + 8).includes(STACK_ITER)) return false
  }
  return true
}

function problemOf(
  env: Env,
  frame: Frame,
  spi: number,
  struct: number,
  slots: number,
): 'uninitialized' | 'no_rcu' | undefined {
  for (let i = 0; i < slots; i++) {
    const slot = frame.slot(spi - i)
    if (typeOf(env, slot) & PTR_UNTRUSTED) return 'no_rcu'
    if ((i === 0) !== (refOf(env, slot) !== 0)) return 'uninitialized'
    if (aux0(env, slot) !== KERNEL_BTF || aux1(env, slot) !== struct) return 'uninitialized'
    const types = frame.types(spi - i)
    if (env.heap.u8.subarray(types, types + 8).some((t) => t !== STACK_ITER)) return 'uninitialized'
  }
  return undefined
}

/** mark_stack_slots_iter */
function markSlots(env: Env, reg: number, struct: number, slots: number, rcu: boolean): void {
  const frame = frameOf(env, reg)
  const spi = objectSlot(env, reg, 'iter', slots)
  const id = acquireReference(env, env.insn)
  const flags = !rcu ? 0 : env.inRcuSection ? MEM_RCU : PTR_UNTRUSTED
  const { i32, u8 } = env.heap
  for (let i = 0; i < slots; i++) {
    const slot = frame.slot(spi - i)
    markPointer(env, slot, PTR_TO_STACK | flags)
    i32[(slot + REG_REF_OBJ_ID) >> 2] = i === 0 ? id : 0
    i32[(slot + REG_AUX0) >> 2] = KERNEL_BTF
    i32[(slot + REG_AUX1) >> 2] = struct
    i32[(slot + REG_AUX2) >> 2] = ITER_STATE_ACTIVE
    i32[(slot + REG_AUX3) >> 2] = 0
    u8.fill(STACK_ITER, frame.types(spi - i), frame.types(spi - i) + 8)
    env.liveness.markWrite(frame.frameno, spi - i)
    if (env.log.level) env.log.scratchSlot(spi - i)
  }
}

/** unmark_stack_slots_iter */
function unmarkSlots(env: Env, frame: Frame, spi: number, slots: number): void {
  releaseReference(env, refOf(env, frame.slot(spi)))
  for (let i = 0; i < slots; i++) {
    markNotInit(env, frame.slot(spi - i))
    env.heap.u8.fill(STACK_INVALID, frame.types(spi - i), frame.types(spi - i) + 8)
    env.liveness.markWrite(frame.frameno, spi - i)
    if (env.log.level) env.log.scratchSlot(spi - i)
  }
}

const iteratorOf = (state: State, meta: KfuncMeta): number =>
  state.frames[meta.iterFrame]!.slot(meta.iterSlot)

/** Does the iterator's constructor say that its elements are protected by RCU? */
export const isRcuIterator = (env: Env, meta: KfuncMeta): boolean =>
  (typeOf(env, iteratorOf(env.cur, meta)) & MEM_RCU) !== 0

/** process_iter_next_call: this path has reached the end, another goes on with an element. */
export function iterateNext(env: Env, meta: KfuncMeta): void {
  const { cur, insn, heap } = env
  if (word(env, iteratorOf(cur, meta), REG_AUX2) === ITER_STATE_ACTIVE) {
    const { parent } = cur
    if (!parent || parent.insn !== insn || !sameCallsites(parent, cur)) {
      fail('EFAULT', 'verifier bug: bad parent state for iter next call')
    }
    const previous = findPreviousEntry(env, parent, insn)
    const queued = pushState(env, insn + 1, insn, false, 'ENOMEM')
    heap.i32[(iteratorOf(queued, meta) + REG_AUX3) >> 2]!++
    if (previous) widenImpreciseScalars(env, previous, queued)
    markNotNull(env, queued.frame.reg(0))
  }
  heap.i32[(iteratorOf(cur, meta) + REG_AUX2) >> 2] = ITER_STATE_DRAINED
  markConstZero(env, env.reg(0))
}

/** bpf_rcu_read_unlock: what an iterator gives from now on is not protected. */
export function endRcuIterators(env: Env): void {
  const { heap, cur } = env
  for (let f = 0; f <= cur.curframe; f++) {
    const frame = cur.frames[f]!
    for (let spi = 0; spi < frame.slots; spi++) {
      if (heap.u8[frame.types(spi) + 7] !== STACK_ITER) continue
      const at = (frame.slot(spi) + REG_TYPE) >> 2
      if (heap.i32[at]! & MEM_RCU) heap.i32[at] = (heap.i32[at]! & ~MEM_RCU) | PTR_UNTRUSTED
    }
  }
}
