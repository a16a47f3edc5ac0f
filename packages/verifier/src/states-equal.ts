import type { Env } from './env.ts'
import { EXPLORE_ALU_LIMITS, REG_AUX2, UNINIT_STACK_READ } from './layout.ts'
import { word } from './regs.ts'
import { ID_MAP, UNBOUND_REG } from './scratch.ts'
import { frameInsn, REF_TYPE_LOCK_MASK, STACK_ITER, type State } from './state.ts'

export function resetIdMap(env: Env): void {
  env.domain.records.beginIds(ID_MAP, env.idGen)
}

/** regs_exact */
export const regsExact = (env: Env, old: number, cur: number): boolean =>
  env.domain.records.regsExact(old, cur) !== 0

/** refsafe */
function refsSafe(env: Env, old: State, cur: State): boolean {
  const { records } = env.domain
  if (
    old.refCount !== cur.refCount ||
    old.activeLocks !== cur.activeLocks ||
    old.activePreemptLocks !== cur.activePreemptLocks ||
    old.activeRcuLocks !== cur.activeRcuLocks
  ) {
    return false
  }
  if (!records.checkIds(old.activeIrqId, cur.activeIrqId)) return false
  if (!records.checkIds(old.activeLockId, cur.activeLockId) || old.activeLockOwner !== cur.activeLockOwner)
    return false
  for (let i = 0; i < old.refCount; i++) {
    if (!records.checkIds(old.refId[i]!, cur.refId[i]!) || old.refType[i] !== cur.refType[i]) return false
    if (old.refType[i]! & REF_TYPE_LOCK_MASK && old.refOwner[i] !== cur.refOwner[i]) return false
  }
  return true
}

/** Is `cur` no worse than `old`, which was explored and found safe? (states_equal) */
export function statesEqual(env: Env, old: State, cur: State, exact: number): boolean {
  if (old.curframe !== cur.curframe) return false
  resetIdMap(env)
  if (old.speculative && !cur.speculative) return false
  if (old.inSleepable !== cur.inSleepable) return false
  if (!refsSafe(env, old, cur)) return false
  const { records } = env.domain
  const flags =
    (env.exploreAluLimits ? EXPLORE_ALU_LIMITS : 0) | (env.allowUninitStack ? UNINIT_STACK_READ : 0)
  for (let f = 0; f <= old.curframe; f++) {
    const oldFrame = old.frames[f]!
    const curFrame = cur.frames[f]!
    if (oldFrame.callsite !== curFrame.callsite) return false
    if (oldFrame.callbackDepth > curFrame.callbackDepth) return false
    const live = env.liveRegs[frameInsn(old, f)]!
    const safe = records.frameSafe(
      oldFrame.address,
      oldFrame.slots,
      curFrame.address,
      curFrame.slots,
      live,
      exact,
      flags,
      UNBOUND_REG,
    )
    if (safe === 0) return false
  }
  return true
}

/** The register that told the last two states apart: in a loop it is the counter, nearly always. */
let toldApart = 0

/** Could these be the same state, identities included? A quick look before the thorough one (states_maybe_looping). */
export function maybeLooping(env: Env, old: State, cur: State): boolean {
  if (old.curframe !== cur.curframe) return false
  const a = old.frames[old.curframe]!.address
  const b = cur.frames[cur.curframe]!.address
  const differs = env.domain.records.frameDiffers(a, b, toldApart)
  if (differs < 0) return true
  toldApart = differs
  return false
}

export const ITER_STATE_ACTIVE = 1
export const ITER_STATE_DRAINED = 2

/** Are the states in different rounds of an active iterator? (iter_active_depths_differ) */
export function iterDepthsDiffer(env: Env, old: State, cur: State): boolean {
  const { u8 } = env.heap
  for (let f = old.curframe; f >= 0; f--) {
    const frame = old.frames[f]!
    for (let spi = 0; spi < frame.slots; spi++) {
      if (u8[frame.types(spi)] !== STACK_ITER) continue
      const slot = frame.slot(spi)
      if (word(env, slot, REG_AUX2) !== ITER_STATE_ACTIVE) continue
      if (word(env, cur.frames[f]!.slot(spi), REG_AUX2 + 4) !== word(env, slot, REG_AUX2 + 4)) return true
    }
  }
  return false
}
