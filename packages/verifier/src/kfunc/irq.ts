import { explained, objectSlot, SLOT_OUTSIDE } from '../dynptr.ts'
import type { Env } from '../env.ts'
import { fail, failReg } from '../errors.ts'
import { REG_AUX0, REG_REF_OBJ_ID } from '../layout.ts'
import { checkMemAccess } from '../memory-access.ts'
import { acquireIrq, releaseIrq } from '../refs.ts'
import { PTR_TO_STACK } from '../reg-type.ts'
import { aux0, frameOf, markNotInit, markPointer, refOf } from '../regs.ts'
import { REF_TYPE_IRQ, STACK_INVALID, STACK_IRQ_FLAG } from '../state.ts'
import type { Kfunc } from './prototype.ts'

// Saved IRQ flags are one stack slot; AUX0 of its record is the family of functions that saved them.
const NATIVE = 0
const LOCK = 1
const FAMILIES: readonly string[] = ['native', 'lock']

const holdsFlags = (env: Env, types: number, every: boolean): boolean => {
  const slot = env.heap.u8.subarray(types, types + 8)
  return every ? slot.every((t) => t === STACK_IRQ_FLAG) : slot.includes(STACK_IRQ_FLAG)
}

/** process_irq_flag */
export function checkIrqFlagArg(env: Env, regno: number, kfunc: Kfunc): void {
  const { irq, lock } = kfunc.def.verify ?? {}
  const family = lock ? LOCK : NATIVE
  const reg = env.reg(regno)
  const frame = frameOf(env, reg)
  const { i32, u8 } = env.heap
  const expected =
    irq === 'save'
      ? `expected uninitialized irq flag as arg#${regno - 1}`
      : `expected an initialized irq flag as arg#${regno - 1}`
  const slotAt = (): number => explained(expected, () => objectSlot(env, reg, 'irq_flag', 1))
  const spi = slotAt()
  if (irq === 'save') {
    const free = spi === SLOT_OUTSIDE || !holdsFlags(env, frame.types(spi), false)
    if (!free) failReg(regno, 'EINVAL', expected)
    checkMemAccess(env, regno, 0, 8, true, -1, false, false)
    const at = slotAt()
    const slot = frame.slot(at)
    const id = acquireIrq(env, env.insn)
    markPointer(env, slot, PTR_TO_STACK)
    i32[(slot + REG_REF_OBJ_ID) >> 2] = id
    i32[(slot + REG_AUX0) >> 2] = family
    u8.fill(STACK_IRQ_FLAG, frame.types(at), frame.types(at) + 8)
    env.liveness.markWrite(frame.frameno, at)
    if (env.log.level) env.log.scratchSlot(at)
    return
  }
  const saved = spi >= 0 && refOf(env, frame.slot(spi)) !== 0 && holdsFlags(env, frame.types(spi), true)
  if (!saved) failReg(regno, 'EINVAL', expected)
  env.liveness.markRead(frame.frameno, spi)
  const slot = frame.slot(spi)
  if (aux0(env, slot) !== family) {
    fail(
      'EINVAL',
      `irq flag acquired by ${FAMILIES[aux0(env, slot)]} kfuncs cannot be restored with ${FAMILIES[family]} kfuncs`,
    )
  }
  if (!releaseIrq(env.cur, refOf(env, slot))) {
    const { cur } = env
    let acquired = 0
    for (let i = 0; i < cur.refCount; i++) {
      if (cur.refType[i] === REF_TYPE_IRQ && cur.refId[i] === cur.activeIrqId) acquired = cur.refInsn[i]!
    }
    fail(
      'EACCES',
      `cannot restore irq state out of order, expected id=${cur.activeIrqId} acquired at insn_idx=${acquired}`,
    )
  }
  markNotInit(env, slot)
  u8.fill(STACK_INVALID, frame.types(spi), frame.types(spi) + 8)
  env.liveness.markWrite(frame.frameno, spi)
  if (env.log.level) env.log.scratchSlot(spi)
}
