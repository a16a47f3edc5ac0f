import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { INSN_F_DST_REG_STACK, INSN_F_SRC_REG_STACK, LinkedRegs, pushHistory } from './history.ts'
import { isTrustedPointer } from './kernel-types.ts'
import {
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  BPF_ADD_CONST64,
  BPF_JEQ,
  BPF_JNE,
  REG_ID,
  REG_OFF,
  REG_TYPE,
} from './layout.ts'
import { BPF_REG_FP } from './limits.ts'
import { mayPointToSpinLock } from './locks.ts'
import { printInsnState } from './log-state.ts'
import { findPreviousEntry, widenImpreciseScalars } from './loops.ts'
import { BPF_JCOND, BPF_JMP32, classOf, hasSrcReg, opOf } from './opcode.ts'
import { matchPacketPointers, packetBranchTaken } from './packet.ts'
import { pushState } from './pending.ts'
import { markChainPrecision } from './precision.ts'
import { releaseReferenceNoMark } from './refs.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  isPacketPointerAny,
  mayBeNull,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
} from './reg-type.ts'
import {
  checkRead,
  forEachReg,
  idOf,
  isPointerValue,
  mapOf,
  markKnownS32,
  offOf,
  refOf,
  typeOf,
} from './regs.ts'
import { pushSpeculativePath } from './sanitize.ts'
import { FAKE_REG0, FAKE_REG1 } from './scratch.ts'
import { type Frame, frameInsn, isSpilled, type State } from './state.ts'

/** mark_ptr_not_null_reg: what a pointer that may be null is when it is not. */
export function markNotNull(env: Env, reg: number): void {
  const { i32 } = env.heap
  const at = (reg + REG_TYPE) >> 2
  const type = i32[at]!
  if (baseType(type) !== PTR_TO_MAP_VALUE) {
    i32[at] = type & ~PTR_MAYBE_NULL
    return
  }
  const map = mapOf(env, reg)
  if (map.inner) {
    i32[at] = CONST_PTR_TO_MAP
    env.setMap(reg, map.inner, idOf(env, reg))
    return
  }
  switch (map.def?.verify?.lookupReturns) {
    case 'xdp_sock':
      i32[at] = PTR_TO_XDP_SOCK
      break
    case 'socket':
      i32[at] = PTR_TO_SOCKET
      break
    default:
      i32[at] = PTR_TO_MAP_VALUE
  }
}

function markPointerOrNull(env: Env, reg: number, id: number, isNull: boolean): void {
  const { i32 } = env.heap
  const type = typeOf(env, reg)
  if (!mayBeNull(type) || idOf(env, reg) !== id) return
  if (isNull) {
    i32[(reg + REG_TYPE) >> 2] = SCALAR_VALUE
    i32[(reg + REG_ID) >> 2] = 0
    i32[((reg + REG_ID) >> 2) + 1] = 0
    return
  }
  markNotNull(env, reg)
  if (!mayPointToSpinLock(env, reg)) i32[(reg + REG_ID) >> 2] = 0
}

/** mark_ptr_or_null_regs: a null check of one register decides for all copies. */
function markPointersOrNull(env: Env, state: State, regno: number, isNull: boolean): void {
  const reg = state.frame.reg(regno)
  const ref = refOf(env, reg)
  const id = idOf(env, reg)
  if (ref && ref === id && isNull) releaseReferenceNoMark(state, id)
  forEachReg(env, state, (other) => markPointerOrNull(env, other, id, isNull))
}

/** reg_not_null: a pointer that is surely not null. */
function isNotNull(env: Env, reg: number): boolean {
  const type = typeOf(env, reg)
  if (mayBeNull(type)) return false
  switch (baseType(type)) {
    case PTR_TO_SOCKET:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MAP_KEY:
    case PTR_TO_SOCK_COMMON:
    case CONST_PTR_TO_MAP:
      return true
    case PTR_TO_MEM:
      return (type & PTR_UNTRUSTED) === 0
    case PTR_TO_BTF_ID:
      return isTrustedPointer(env, reg)
    default:
      return false
  }
}

/** is_branch_taken: 1 always, 0 never, -1 unknown. */
function branchTaken(env: Env, op: number, is32: boolean, dst: number, src: number): number {
  const dstType = typeOf(env, dst)
  const srcType = typeOf(env, src)
  if (dstType === SCALAR_VALUE && srcType === SCALAR_VALUE) {
    return env.domain.branchTaken(op, is32 ? 1 : 0, dst, src)
  }
  if (isPacketPointerAny(dstType) && isPacketPointerAny(srcType) && !is32) {
    return packetBranchTaken(env, dst, src, op)
  }
  // A pointer against zero.
  const pointer = constantOf(env, src, is32) ? dst : src
  const other = pointer === dst ? src : dst
  if (!constantOf(env, other, is32) || !isNotNull(env, pointer)) return -1
  if (env.domain.constLo(other) !== 0 || (!is32 && env.domain.constHi(other) !== 0)) return -1
  return op === BPF_JEQ ? 0 : op === BPF_JNE ? 1 : -1
}

const constantOf = (env: Env, reg: number, is32: boolean): boolean =>
  typeOf(env, reg) === SCALAR_VALUE && (is32 ? env.domain.isConst32(reg) : env.domain.isConst(reg)) !== 0

const linkedSet = new LinkedRegs()

function collect(env: Env, reg: number, id: number, frame: number, index: number, isReg: boolean): void {
  const { i32 } = env.heap
  if (i32[(reg + REG_TYPE) >> 2] !== SCALAR_VALUE || (i32[(reg + REG_ID) >> 2]! & ~BPF_ADD_CONST) !== id)
    return
  if (!linkedSet.push(frame, index, isReg)) i32[(reg + REG_ID) >> 2] = 0
}

/** collect_linked_regs: registers and slots that hold the same value, up to a constant. */
function collectLinked(env: Env, state: State, withFlags: number): void {
  const id = withFlags & ~BPF_ADD_CONST
  for (let f = state.curframe; f >= 0; f--) {
    const frame = state.frames[f]!
    const live = env.liveRegs[frameInsn(state, f)]!
    for (let r = 0; r < BPF_REG_FP; r++) {
      if ((live >> r) & 1) collect(env, frame.reg(r), id, f, r, true)
    }
    for (let spi = 0; spi < frame.slots; spi++) {
      if (isSpilled(env.heap, frame.types(spi))) collect(env, frame.slot(spi), id, f, spi, false)
    }
  }
}

/** sync_linked_regs: what was learnt about `known` holds for the registers linked with it. */
function syncLinked(env: Env, state: State, known: number): void {
  const { heap } = env
  const { i32 } = heap
  const knownId = idOf(env, known)
  const knownOff = offOf(env, known)
  for (let i = 0; i < linkedSet.count; i++) {
    const frame: Frame = state.frames[linkedSet.frame[i]!]!
    const reg = linkedSet.isReg[i] ? frame.reg(linkedSet.index[i]!) : frame.slot(linkedSet.index[i]!)
    if (reg === known || typeOf(env, reg) !== SCALAR_VALUE) continue
    const id = idOf(env, reg)
    if ((id & ~BPF_ADD_CONST) !== (knownId & ~BPF_ADD_CONST)) continue
    const off = offOf(env, reg)
    if (!((id | knownId) & BPF_ADD_CONST) || off === knownOff) {
      heap.copyReg(reg, known)
      continue
    }
    const mixed =
      ((id & BPF_ADD_CONST32) !== 0 && (knownId & BPF_ADD_CONST64) !== 0) ||
      ((id & BPF_ADD_CONST64) !== 0 && (knownId & BPF_ADD_CONST32) !== 0)
    if (mixed) continue
    heap.copyReg(reg, known)
    i32[(reg + REG_OFF) >> 2] = off
    i32[(reg + REG_ID) >> 2] = id
    env.domain.syncLinked(reg, known)
  }
}

/** may_goto: a jump that is taken at some time; the loop is walked until it changes nothing more. */
function checkMayGoto(env: Env): void {
  const { program: p, insn } = env
  if (p.src[insn] || p.dst[insn] || p.imm[insn]) {
    fail('EINVAL', `invalid may_goto imm ${p.imm[insn]}`)
  }
  const previous = env.cur.parent && findPreviousEntry(env, env.cur.parent, insn)
  const queued = pushState(env, insn + 1, insn, false, 'ENOMEM')
  queued.mayGotoDepth++
  if (previous) widenImpreciseScalars(env, previous, queued)
  env.insn += p.off[insn]!
}

/** check_cond_jmp_op, of an opcode that is one; leaves `env.insn` before the next instruction on this path. */
export function checkConditionalJump(env: Env): void {
  const { program: p, insn, cur } = env
  const code = p.code[insn]!
  const op = opOf(code)
  if (op === BPF_JCOND) {
    checkMayGoto(env)
    return
  }
  const byReg = hasSrcReg(code)
  const is32 = classOf(code) === BPF_JMP32
  const dstReg = p.dst[insn]!
  const srcReg = p.src[insn]!
  checkRead(env, dstReg)
  const dst = env.reg(dstReg)
  let src: number
  let flags = 0
  if (byReg) {
    if (p.imm[insn]) fail('EINVAL', 'BPF_JMP/JMP32 uses reserved fields')
    checkRead(env, srcReg)
    src = env.reg(srcReg)
    const packets = isPacketPointerAny(typeOf(env, dst)) && isPacketPointerAny(typeOf(env, src))
    if (!packets && isPointerValue(env, src)) {
      failReg(srcReg, 'EACCES', `R${srcReg} pointer comparison prohibited`)
    }
    if (typeOf(env, src) === PTR_TO_STACK) flags |= INSN_F_SRC_REG_STACK
  } else {
    if (srcReg) fail('EINVAL', 'BPF_JMP/JMP32 uses reserved fields')
    src = FAKE_REG0
    markKnownS32(env, src, p.imm[insn]!)
  }
  if (typeOf(env, dst) === PTR_TO_STACK) flags |= INSN_F_DST_REG_STACK
  if (flags) pushHistory(env, cur, flags, undefined)

  const taken = branchTaken(env, op, is32, dst, src)
  if (taken >= 0) {
    if (typeOf(env, dst) === SCALAR_VALUE) markChainPrecision(env, dstReg)
    if (byReg && typeOf(env, src) === SCALAR_VALUE) markChainPrecision(env, srcReg)
    env.facts.noteBranch(insn, taken === 1 ? 1 : 2)
    if (!env.bypassSpec) pushSpeculativePath(env, taken === 1 ? insn + 1 : insn + p.off[insn]! + 1)
    if (env.log.level) printInsnState(env)
    if (taken === 1) env.insn += p.off[insn]!
    return
  }
  env.facts.noteBranch(insn, 3)
  bothWays(env, op, is32, byReg, dst, src)
}

function bothWays(env: Env, op: number, is32: boolean, byReg: boolean, dst: number, src: number): void {
  const { program: p, insn, cur } = env
  const dstReg = p.dst[insn]!
  const srcReg = p.src[insn]!
  linkedSet.count = 0
  if (byReg && typeOf(env, src) === SCALAR_VALUE && idOf(env, src)) collectLinked(env, cur, idOf(env, src))
  if (typeOf(env, dst) === SCALAR_VALUE && idOf(env, dst)) collectLinked(env, cur, idOf(env, dst))
  if (linkedSet.count > 1) pushHistory(env, cur, 0, linkedSet)

  const other = pushState(env, insn + p.off[insn]! + 1, insn, false)
  const otherFrame = other.frame
  const trueDst = otherFrame.reg(dstReg)
  if (typeOf(env, dst) === SCALAR_VALUE && typeOf(env, src) === SCALAR_VALUE) {
    let trueSrc: number
    let falseSrc = src
    if (byReg) trueSrc = otherFrame.reg(srcReg)
    else {
      trueSrc = FAKE_REG0
      falseSrc = FAKE_REG1
      env.heap.copyReg(falseSrc, trueSrc)
    }
    const impossible = env.domain.refine(op, is32 ? 1 : 0, trueDst, trueSrc, dst, falseSrc)
    if (impossible && env.privileges.testRegInvariants) fail('EFAULT', 'REG INVARIANTS VIOLATION (branch)')
  }
  if (byReg && typeOf(env, src) === SCALAR_VALUE && idOf(env, src)) {
    syncLinked(env, cur, src)
    syncLinked(env, other, otherFrame.reg(srcReg))
  }
  if (typeOf(env, dst) === SCALAR_VALUE && idOf(env, dst)) {
    syncLinked(env, cur, dst)
    syncLinked(env, other, trueDst)
  }
  if (!is32 && byReg) liftNull(env, op, dst, src, trueDst, otherFrame.reg(srcReg))

  const nullCheck =
    !is32 && !byReg && p.imm[insn] === 0 && (op === BPF_JEQ || op === BPF_JNE) && mayBeNull(typeOf(env, dst))
  if (nullCheck) {
    markPointersOrNull(env, cur, dstReg, op === BPF_JNE)
    markPointersOrNull(env, other, dstReg, op === BPF_JEQ)
  } else {
    const matched = byReg && !is32 && matchPacketPointers(env, op, dstReg, srcReg, cur, other)
    if (!matched && isPointerValue(env, dst)) {
      failReg(dstReg, 'EACCES', `R${dstReg} pointer comparison prohibited`)
    }
  }
  if (env.log.level) printInsnState(env)
}

/** A pointer that may be null equals one that is not: in that branch it is not null either. */
function liftNull(env: Env, op: number, dst: number, src: number, trueDst: number, trueSrc: number): void {
  const dstType = typeOf(env, dst)
  const srcType = typeOf(env, src)
  if (dstType === SCALAR_VALUE || srcType === SCALAR_VALUE || mayBeNull(dstType) === mayBeNull(srcType))
    return
  if (baseType(dstType) === PTR_TO_BTF_ID || baseType(srcType) === PTR_TO_BTF_ID) return
  if (op === BPF_JEQ) markNotNull(env, mayBeNull(srcType) ? trueSrc : trueDst)
  else if (op === BPF_JNE) markNotNull(env, mayBeNull(srcType) ? src : dst)
}
