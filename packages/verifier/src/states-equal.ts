import type { Env } from './env.ts'
import { SLOT_TYPES } from './heap.ts'
import {
  BPF_ADD_CONST,
  REG_AUX2,
  REG_FLAG_PRECISE,
  REG_FLAGS,
  REG_ID,
  REG_REF_OBJ_ID,
  REG_SIZE,
  REG_TYPE,
} from './layout.ts'
import { MAX_BPF_REG } from './limits.ts'
import {
  baseType,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
} from './reg-type.ts'
import { aux0, aux1, idOf, offOf, refOf, sameNumeric, sameShape, word } from './regs.ts'
import { UNBOUND_REG } from './scratch.ts'
import {
  type Frame,
  frameInsn,
  isSpilledScalar64,
  REF_TYPE_LOCK_MASK,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  type State,
} from './state.ts'

/** How states are compared (enum exact_level). */
export const NOT_EXACT = 0
export const EXACT = 1
/** Marks of the old state are not complete: ranges count although not marked precise. */
export const RANGE_WITHIN = 2

const ID_MAP_SIZE = 600
const mapOld = new Int32Array(ID_MAP_SIZE)
const mapCur = new Int32Array(ID_MAP_SIZE)
let mapCount = 0
let temporaryId = 0

export function resetIdMap(env: Env): void {
  mapCount = 0
  temporaryId = env.idGen
}

/** check_ids: identities correspond one to one. */
function checkIds(oldId: number, curId: number): boolean {
  if ((oldId !== 0) !== (curId !== 0)) return false
  if (oldId === 0) return true
  for (let i = 0; i < mapCount; i++) {
    if (mapOld[i] === oldId) return mapCur[i] === curId
    if (mapCur[i] === curId) return false
  }
  if (mapCount === ID_MAP_SIZE) return false
  mapOld[mapCount] = oldId
  mapCur[mapCount++] = curId
  return true
}

/** check_scalar_ids: a scalar linked with nothing stands for one linked with anything, which only tells more about it. */
const checkScalarIds = (oldId: number, curId: number): boolean =>
  oldId === 0 || checkIds(oldId, curId || ++temporaryId)

/** regs_exact */
export const regsExact = (env: Env, old: number, cur: number): boolean =>
  sameShape(env, old, cur) &&
  sameNumeric(env, old, cur) &&
  checkIds(idOf(env, old), idOf(env, cur)) &&
  checkIds(refOf(env, old), refOf(env, cur))

/** Is what was safe with `old` safe with `cur`? (regsafe) */
function regSafe(env: Env, old: number, cur: number, exact: number): boolean {
  if (exact === EXACT) return regsExact(env, old, cur)
  const { i32 } = env.heap
  const type = i32[(old + REG_TYPE) >> 2]!
  const curType = i32[(cur + REG_TYPE) >> 2]!
  if (type === NOT_INIT && (exact === NOT_EXACT || curType === NOT_INIT)) return true
  if (type !== curType) return false
  switch (baseType(type)) {
    case SCALAR_VALUE: {
      const oldId = i32[(old + REG_ID) >> 2]!
      const curId = i32[(cur + REG_ID) >> 2]!
      if (env.exploreAluLimits) {
        return sameShape(env, old, cur) && sameNumeric(env, old, cur) && checkScalarIds(oldId, curId)
      }
      if (!(i32[(old + REG_FLAGS) >> 2]! & REG_FLAG_PRECISE) && exact === NOT_EXACT) return true
      if (oldId !== 0 && ((oldId ^ curId) & BPF_ADD_CONST) !== 0) return false
      if ((oldId & BPF_ADD_CONST) !== 0 && offOf(env, old) !== offOf(env, cur)) return false
      return env.domain.numericWithin(old, cur) !== 0 && checkScalarIds(oldId, curId)
    }
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return (
        sameShape(env, old, cur) &&
        env.domain.numericWithin(old, cur) !== 0 &&
        checkIds(idOf(env, old), idOf(env, cur)) &&
        checkIds(refOf(env, old), refOf(env, cur))
      )
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
      if (aux0(env, old) > aux0(env, cur)) return false
      // At or beyond the end, comparisons go one way only; the other way must not count as dead for longer ranges.
      if (aux0(env, old) < 0 && aux0(env, old) !== aux0(env, cur)) return false
      if (offOf(env, old) !== offOf(env, cur)) return false
      if (!checkIds(idOf(env, old), idOf(env, cur))) return false
      return env.domain.numericWithin(old, cur) !== 0
    case PTR_TO_ARENA:
      return true
    default:
      return regsExact(env, old, cur)
  }
}

function isAllMisc(env: Env, types: number): boolean {
  const { u8 } = env.heap
  for (let i = 0; i < 8; i++) {
    const type = u8[types + i]
    if (type !== STACK_MISC && !(type === STACK_INVALID && env.allowUninitStack)) return false
  }
  return true
}

/** The scalar that a whole slot stands for, or 0. */
function scalarOfSlot(env: Env, slot: number): number {
  if (isSpilledScalar64(env.heap, slot)) return slot
  return isAllMisc(env, slot + SLOT_TYPES) ? UNBOUND_REG : 0
}

/** stacksafe */
function stackSafe(env: Env, old: Frame, cur: Frame, exact: number): boolean {
  const { u8 } = env.heap
  for (let spi = 0; spi < old.slots; spi++) {
    const oldSlot = old.slot(spi)
    const oldTypes = oldSlot + SLOT_TYPES
    const present = spi < cur.slots
    const curSlot = cur.slot(spi)
    const curTypes = curSlot + SLOT_TYPES
    for (let i = 0; i < 8; i++) {
      const oldType = u8[oldTypes + i]!
      const curType = present ? u8[curTypes + i]! : STACK_INVALID
      if (exact !== NOT_EXACT && (!present || oldType !== curType)) return false
      if (oldType === STACK_INVALID) continue
      if (env.allowUninitStack && oldType === STACK_MISC) continue
      if (!present) return false
      // A whole scalar against a slot of unknown bytes, either way round.
      if (i === 0) {
        const oldReg = scalarOfSlot(env, oldSlot)
        const curReg = oldReg === 0 ? 0 : scalarOfSlot(env, curSlot)
        if (curReg !== 0) {
          if (!regSafe(env, oldReg, curReg, exact)) return false
          break
        }
      }
      if (oldType === STACK_MISC && curType === STACK_ZERO) continue
      if (oldType !== curType) return false
      if (i !== 7) continue
      if (!slotSafe(env, oldSlot, curSlot, exact)) return false
    }
  }
  return true
}

/** Slots of the same types, by what they hold. */
function slotSafe(env: Env, old: number, cur: number, exact: number): boolean {
  switch (env.heap.u8[old + SLOT_TYPES + 7]) {
    case STACK_SPILL:
      return regSafe(env, old, cur, exact)
    case STACK_DYNPTR:
      return (
        aux0(env, old) === aux0(env, cur) &&
        aux1(env, old) === aux1(env, cur) &&
        checkIds(refOf(env, old), refOf(env, cur))
      )
    case STACK_ITER:
      return (
        aux0(env, old) === aux0(env, cur) &&
        aux1(env, old) === aux1(env, cur) &&
        word(env, old, REG_AUX2) === word(env, cur, REG_AUX2) &&
        checkIds(refOf(env, old), refOf(env, cur))
      )
    case STACK_IRQ_FLAG:
      return checkIds(refOf(env, old), refOf(env, cur)) && aux0(env, old) === aux0(env, cur)
    default:
      return true
  }
}

/** refsafe */
function refsSafe(old: State, cur: State): boolean {
  if (
    old.refCount !== cur.refCount ||
    old.activeLocks !== cur.activeLocks ||
    old.activePreemptLocks !== cur.activePreemptLocks ||
    old.activeRcuLocks !== cur.activeRcuLocks
  ) {
    return false
  }
  if (!checkIds(old.activeIrqId, cur.activeIrqId)) return false
  if (!checkIds(old.activeLockId, cur.activeLockId) || old.activeLockOwner !== cur.activeLockOwner)
    return false
  for (let i = 0; i < old.refCount; i++) {
    if (!checkIds(old.refId[i]!, cur.refId[i]!) || old.refType[i] !== cur.refType[i]) return false
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
  if (!refsSafe(old, cur)) return false
  for (let f = 0; f <= old.curframe; f++) {
    const oldFrame = old.frames[f]!
    const curFrame = cur.frames[f]!
    if (oldFrame.callsite !== curFrame.callsite) return false
    if (oldFrame.callbackDepth > curFrame.callbackDepth) return false
    const live = env.liveRegs[frameInsn(old, f)]!
    for (let r = 0; r < MAX_BPF_REG; r++) {
      if ((live >> r) & 1 && !regSafe(env, oldFrame.reg(r), curFrame.reg(r), exact)) return false
    }
    if (!stackSafe(env, oldFrame, curFrame, exact)) return false
  }
  return true
}

/** The register that told the last two states apart: in a loop it is the counter, nearly always. */
let toldApart = 0

function sameReg(env: Env, a: number, b: number): boolean {
  const { i32 } = env.heap
  return (
    sameNumeric(env, a, b) &&
    sameShape(env, a, b) &&
    i32[(a + REG_ID) >> 2] === i32[(b + REG_ID) >> 2] &&
    i32[(a + REG_REF_OBJ_ID) >> 2] === i32[(b + REG_REF_OBJ_ID) >> 2]
  )
}

/** Could these be the same state, identities included? A quick look before the thorough one (states_maybe_looping). */
export function maybeLooping(env: Env, old: State, cur: State): boolean {
  if (old.curframe !== cur.curframe) return false
  const a = old.frames[old.curframe]!.address
  const b = cur.frames[cur.curframe]!.address
  if (!sameReg(env, a + toldApart * REG_SIZE, b + toldApart * REG_SIZE)) return false
  for (let r = 0; r < MAX_BPF_REG; r++) {
    if (sameReg(env, a + r * REG_SIZE, b + r * REG_SIZE)) continue
    toldApart = r
    return false
  }
  return true
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
