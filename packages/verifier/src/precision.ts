import type { Env } from './env.ts'
import { fail } from './errors.ts'
import {
  accessFrame,
  accessSlot,
  INSN_F_DST_REG_STACK,
  INSN_F_SRC_REG_STACK,
  INSN_F_STACK_ACCESS,
  LinkedRegs,
} from './history.ts'
import { BPF_END, BPF_MOV, BPF_NEG } from './layout.ts'
import { BPF_REG_FP, MAX_CALL_FRAMES } from './limits.ts'
import { LOG_LEVEL2 } from './log.ts'
import { insnText, printState } from './log-state.ts'
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_EXIT,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_ST,
  BPF_STX,
  classOf,
  hasSrcReg,
  modeOf,
  opOf,
} from './opcode.ts'
import { isPseudoCall, type Program } from './program.ts'
import { SCALAR_VALUE } from './reg-type.ts'
import { isPrecise, setPrecise, typeOf } from './regs.ts'
import { TNUM_A } from './scratch.ts'
import {
  BPF_MAIN_FUNC,
  HISTORY_FLAGS,
  HISTORY_INSN,
  HISTORY_LINKED,
  HISTORY_PREVIOUS,
  HISTORY_WORDS,
  isSpilledScalar,
  type State,
} from './state.ts'

const ARGS_MASK = 0x3e

/** Registers and stack slots, by frame, whose precise values are being asked for (struct backtrack_state). */
export class Backtrack {
  frame = 0
  readonly regs: Int32Array = new Int32Array(MAX_CALL_FRAMES)
  readonly slotsLo: Int32Array = new Int32Array(MAX_CALL_FRAMES)
  readonly slotsHi: Int32Array = new Int32Array(MAX_CALL_FRAMES)
  readonly linked: LinkedRegs = new LinkedRegs()

  reset(): void {
    this.frame = 0
    this.regs.fill(0)
    this.slotsLo.fill(0)
    this.slotsHi.fill(0)
  }

  isEmpty(): boolean {
    let mask = 0
    for (let i = 0; i <= this.frame; i++) mask |= this.regs[i]! | this.slotsLo[i]! | this.slotsHi[i]!
    return mask === 0
  }

  hasReg(frame: number, reg: number): boolean {
    return ((this.regs[frame]! >> reg) & 1) !== 0
  }

  setReg(frame: number, reg: number): void {
    this.regs[frame]! |= 1 << reg
  }

  clearReg(frame: number, reg: number): void {
    this.regs[frame]! &= ~(1 << reg)
  }

  hasSlot(frame: number, spi: number): boolean {
    return ((spi < 32 ? this.slotsLo[frame]! >> spi : this.slotsHi[frame]! >> (spi - 32)) & 1) !== 0
  }

  setSlot(frame: number, spi: number): void {
    if (spi < 32) this.slotsLo[frame]! |= 1 << spi
    else this.slotsHi[frame]! |= 1 << (spi - 32)
  }

  clearSlot(frame: number, spi: number): void {
    if (spi < 32) this.slotsLo[frame]! &= ~(1 << spi)
    else this.slotsHi[frame]! &= ~(1 << (spi - 32))
  }

  hasSlots(frame: number): boolean {
    return (this.slotsLo[frame]! | this.slotsHi[frame]!) !== 0
  }
}

function regsText(mask: number): string {
  const names: string[] = []
  for (let r = 0; r < 32; r++) if ((mask >> r) & 1) names.push(`r${r}`)
  return names.join(',')
}

function slotsText(bt: Backtrack, frame: number): string {
  const names: string[] = []
  for (let spi = 0; spi < 64; spi++) if (bt.hasSlot(frame, spi)) names.push(`${-(spi + 1) * 8}`)
  return names.join(',')
}

function slotNames(lo: number, hi: number): string[] {
  const names: string[] = []
  for (let spi = 0; spi < 64; spi++) {
    if (((spi < 32 ? lo >> spi : hi >> (spi - 32)) & 1) !== 0) names.push(`fp${-(spi + 1) * 8}`)
  }
  return names
}

/** Where one register of a linked set is asked for, all are. */
function syncLinked(bt: Backtrack, state: State, entry: number): void {
  if (entry < 0 || state.history[entry + HISTORY_LINKED] === 0) return
  const { linked } = bt
  linked.unpack(state.history, entry)
  let some = false
  for (let i = 0; i < linked.count && !some; i++) {
    const frame = linked.frame[i]!
    some = linked.isReg[i] ? bt.hasReg(frame, linked.index[i]!) : bt.hasSlot(frame, linked.index[i]!)
  }
  if (!some) return
  for (let i = 0; i < linked.count; i++) {
    if (linked.isReg[i]) bt.setReg(linked.frame[i]!, linked.index[i]!)
    else bt.setSlot(linked.frame[i]!, linked.index[i]!)
  }
}

/** All registers and all slots: the instruction always has to be looked at. */
const ANY = -1

/**
 * By instruction, the registers that it has to do with where precision is followed back over it; for most instructions
 * that is none of those asked for, so that a mask tells to pass on.
 */
export function concernedRegs(p: Program): Int32Array {
  const masks = new Int32Array(p.length)
  for (let i = 0; i < p.length; i++) {
    const code = p.code[i]!
    const dst = 1 << p.dst[i]!
    switch (classOf(code)) {
      case BPF_ALU:
      case BPF_ALU64:
      case BPF_LDX:
        masks[i] = dst
        break
      case BPF_JMP:
      case BPF_JMP32:
        if (opOf(code) === BPF_CALL || opOf(code) === BPF_EXIT) masks[i] = ANY
        else masks[i] = hasSrcReg(code) ? dst | (1 << p.src[i]!) : 0
        break
      default:
        masks[i] = ANY
    }
  }
  return masks
}

const OK = 0
/** The instruction cannot be followed: everything must be precise. */
const UNSUPPORTED = 1

/**
 * Replaces what is asked for after an instruction by what must be known before it (backtrack_insn).
 * `subsequent` is the instruction that ran after it, `entry` its record in the history or -1.
 */
function backtrackInsn(env: Env, insn: number, subsequent: number, state: State, entry: number): number {
  const { program: p, backtrack: bt } = env
  const code = p.code[insn]!
  if (code === 0) return OK
  const dst = p.dst[insn]!
  const src = p.src[insn]!
  if (env.log.level & LOG_LEVEL2) {
    env.log.print(
      `mark_precise: frame${bt.frame}: regs=${regsText(bt.regs[bt.frame]!)} stack=${slotsText(bt, bt.frame)} before ${insn}: ${insnText(env, insn)}\n`,
    )
  }
  syncLinked(bt, state, entry)
  const klass = classOf(code)
  const op = opOf(code)
  const flags = entry < 0 ? 0 : state.history[entry + HISTORY_FLAGS]!
  switch (klass) {
    case BPF_ALU:
    case BPF_ALU64:
      if (!bt.hasReg(bt.frame, dst) || op === BPF_END || op === BPF_NEG) return OK
      if (op === BPF_MOV) bt.clearReg(bt.frame, dst)
      if (hasSrcReg(code) && src !== BPF_REG_FP) bt.setReg(bt.frame, src)
      break
    case BPF_LDX:
      if (fillFromStack(bt, dst, flags)) break
      return OK
    case BPF_STX:
    case BPF_ST: {
      if (klass === BPF_STX && modeOf(code) === BPF_ATOMIC && p.imm[insn] === BPF_LOAD_ACQ) {
        if (fillFromStack(bt, dst, flags)) break
        return OK
      }
      // A scalar is no address: pointers were subtracted to make it.
      if (bt.hasReg(bt.frame, dst)) return UNSUPPORTED
      if (!(flags & INSN_F_STACK_ACCESS)) return OK
      const frame = accessFrame(flags)
      const spi = accessSlot(flags)
      if (!bt.hasSlot(frame, spi)) return OK
      bt.clearSlot(frame, spi)
      if (klass === BPF_STX) bt.setReg(bt.frame, src)
      break
    }
    case BPF_JMP:
    case BPF_JMP32: {
      if (op === BPF_CALL) {
        const done = backtrackCall(env, insn, subsequent)
        if (done !== undefined) return done
      } else if (op === BPF_EXIT) {
        return backtrackExit(env, subsequent)
      } else if (hasSrcReg(code)) {
        if (!bt.hasReg(bt.frame, dst) && !bt.hasReg(bt.frame, src)) return OK
        if (!(flags & INSN_F_SRC_REG_STACK)) bt.setReg(bt.frame, src)
        if (!(flags & INSN_F_DST_REG_STACK)) bt.setReg(bt.frame, dst)
      }
      break
    }
    case BPF_LD: {
      if (p.earlyExit[insn]! >= 0 && subsequent !== insn + 1) return UNSUPPORTED
      if (!bt.hasReg(bt.frame, dst)) return OK
      bt.clearReg(bt.frame, dst)
      const mode = modeOf(code)
      if (mode === BPF_IND || mode === BPF_ABS) return UNSUPPORTED
      break
    }
    default:
  }
  syncLinked(bt, state, entry)
  return OK
}

/** A load: what it loaded must be known before, where it came from a stack slot. False when there is nothing to follow. */
function fillFromStack(bt: Backtrack, dst: number, flags: number): boolean {
  if (!bt.hasReg(bt.frame, dst)) return false
  bt.clearReg(bt.frame, dst)
  if (!(flags & INSN_F_STACK_ACCESS)) return false
  bt.setSlot(accessFrame(flags), accessSlot(flags))
  return true
}

function backtrackCall(env: Env, insn: number, subsequent: number): number | undefined {
  const { program: p, backtrack: bt } = env
  if (p.src[insn] === BPF_PSEUDO_CALL) {
    const callee = env.findSubprog(insn + p.imm[insn]! + 1)
    if (callee >= 0 && env.subprogs[callee]!.global && env.hasFuncInfo) {
      bt.clearReg(bt.frame, 0)
      return bt.regs[bt.frame]! & ARGS_MASK ? UNSUPPORTED : OK
    }
    // Out of the callee, into the caller: only arguments can still be asked for.
    if ((bt.regs[bt.frame]! & ~ARGS_MASK) !== 0 || bt.hasSlots(bt.frame) || bt.frame === 0) return UNSUPPORTED
    bt.regs[bt.frame - 1]! |= bt.regs[bt.frame]! & ARGS_MASK
    bt.regs[bt.frame] = 0
    bt.frame--
    return OK
  }
  if (env.callsCallback[insn] && insn !== subsequent - 1) {
    // Out of a callback: its arguments come from the helper.
    if ((bt.regs[bt.frame]! & ~ARGS_MASK) !== 0 || bt.hasSlots(bt.frame) || bt.frame === 0) return UNSUPPORTED
    bt.regs[bt.frame] = 0
    bt.frame--
    return OK
  }
  if (p.src[insn] === BPF_PSEUDO_KFUNC_CALL && p.imm[insn] === 0 && !p.references.has(insn))
    return UNSUPPORTED
  if (p.earlyExit[insn]! >= 0 && subsequent !== insn + 1) {
    // A tail call that returned to the caller: into the function that made it.
    if (bt.regs[bt.frame]! & ARGS_MASK || bt.frame === MAX_CALL_FRAMES - 1) return UNSUPPORTED
    bt.clearReg(bt.frame, 0)
    bt.frame++
    return undefined
  }
  bt.clearReg(bt.frame, 0)
  return bt.regs[bt.frame]! & ARGS_MASK ? UNSUPPORTED : undefined
}

/** Back into a function that returned. */
function backtrackExit(env: Env, subsequent: number): number {
  const { program: p, backtrack: bt } = env
  if (subsequent >= 0 && env.callsCallback[subsequent]) bt.regs[bt.frame]! &= ~ARGS_MASK
  if (bt.regs[bt.frame]! & ARGS_MASK) return UNSUPPORTED
  const result = subsequent - 1 >= 0 && isPseudoCall(p, subsequent - 1) && bt.hasReg(bt.frame, 0)
  bt.clearReg(bt.frame, 0)
  if (bt.frame === MAX_CALL_FRAMES - 1) return UNSUPPORTED
  bt.frame++
  if (result) bt.setReg(bt.frame, 0)
  return OK
}

/** mark_all_scalars_precise: in every checkpoint on the way here. */
export function markAllScalarsPrecise(env: Env, from: State): void {
  const verbose = (env.log.level & LOG_LEVEL2) !== 0
  if (verbose) {
    env.log.print(`mark_precise: frame${from.curframe}: falling back to forcing all scalars precise\n`)
  }
  for (let state = from.parent; state; state = state.parent) {
    for (let f = 0; f <= state.curframe; f++) {
      const frame = state.frames[f]!
      for (let r = 0; r < BPF_REG_FP; r++) {
        const reg = frame.reg(r)
        if (typeOf(env, reg) !== SCALAR_VALUE || isPrecise(env, reg)) continue
        setPrecise(env, reg)
        if (verbose) env.log.print(`force_precise: frame${f}: forcing r${r} to be precise\n`)
      }
      for (let spi = 0; spi < frame.slots; spi++) {
        const slot = frame.slot(spi)
        if (!isSpilledScalar(env.heap, slot) || isPrecise(env, slot)) continue
        setPrecise(env, slot)
        if (verbose) env.log.print(`force_precise: frame${f}: forcing fp${-(spi + 1) * 8} to be precise\n`)
      }
    }
  }
}

/** mark_chain_precision: the register's exact value decided something, here and in the checkpoints before. */
export function markChainPrecision(env: Env, regno: number): void {
  const state = env.cur
  if (typeOf(env, env.reg(regno)) !== SCALAR_VALUE) fail('EFAULT', 'verifier bug: backtracking misuse')
  env.backtrack.frame = state.curframe
  env.backtrack.setReg(state.curframe, regno)
  chainPrecision(env, state)
}

/**
 * Marks what `env.backtrack` asks for in all checkpoints on the way to `start` (__mark_chain_precision). The state that
 * it starts from keeps no marks, for it is no checkpoint yet.
 * @returns whether any mark is new
 */
export function chainPrecision(env: Env, start: State): boolean {
  const { backtrack: bt } = env
  const verbose = (env.log.level & LOG_LEVEL2) !== 0
  let state = start
  let first = state.firstInsn
  let last = state.insn
  let subsequent = -1
  let skipFirst = true
  let changed = false
  bt.frame = start.curframe
  if (bt.isEmpty()) return false
  for (;;) {
    if (verbose) {
      env.log.print(
        `mark_precise: frame${bt.frame}: last_idx ${last} first_idx ${first} subseq_idx ${subsequent} \n`,
      )
    }
    if (last < 0) {
      changed = markEntry(env, state) || changed
      return changed
    }
    let history = state.historyLength
    for (let insn = last; ; ) {
      if (skipFirst) skipFirst = false
      else {
        const top = (history - 1) * HISTORY_WORDS
        const entry = history > 0 && state.history[top + HISTORY_INSN] === insn ? top : -1
        const concerned = env.concernedRegs[insn]!
        const passed =
          concerned !== ANY &&
          (concerned & bt.regs[bt.frame]!) === 0 &&
          !verbose &&
          (entry < 0 || state.history[entry + HISTORY_LINKED] === 0)
        if (passed) {
          // Nothing that is asked for changes here.
        } else if (backtrackInsn(env, insn, subsequent, state, entry) === UNSUPPORTED) {
          markAllScalarsPrecise(env, start)
          bt.reset()
          return changed
        }
        if (!passed && bt.isEmpty()) return changed
      }
      subsequent = insn
      // get_prev_insn_idx
      if (
        insn === state.firstInsn &&
        (history === 0 || (history === 1 && state.history[HISTORY_INSN] === insn))
      ) {
        break
      }
      const top = (history - 1) * HISTORY_WORDS
      if (history > 0 && state.history[top + HISTORY_INSN] === insn) {
        insn = state.history[top + HISTORY_PREVIOUS]!
        history--
      } else insn--
      if (insn < 0 || insn >= env.program.length) {
        markAllScalarsPrecise(env, start)
        bt.reset()
        return changed
      }
    }
    const { parent } = state
    if (!parent) break
    state = parent
    changed = markState(env, state) || changed
    if (bt.isEmpty()) return changed
    subsequent = first
    last = state.lastInsn
    first = state.firstInsn
  }
  if (!bt.isEmpty()) {
    markAllScalarsPrecise(env, start)
    bt.reset()
  }
  return changed
}

/** At the entry of a global function its arguments may be asked for; anything else was missed on the way. */
function markEntry(env: Env, state: State): boolean {
  const { backtrack: bt } = env
  const frame = state.frames[0]!
  const entry =
    state.curframe === 0 &&
    frame.subprog > 0 &&
    frame.callsite === BPF_MAIN_FUNC &&
    !bt.hasSlots(bt.frame) &&
    (bt.regs[bt.frame]! & ~ARGS_MASK) === 0
  let changed = false
  if (entry) {
    for (let r = 1; r <= 5; r++) {
      if (!bt.hasReg(bt.frame, r) || typeOf(env, frame.reg(r)) !== SCALAR_VALUE) continue
      setPrecise(env, frame.reg(r))
      changed = true
    }
  } else markAllScalarsPrecise(env, state)
  bt.reset()
  return changed
}

/** Where what is asked for is handed over, as an index of words. */
const ASKED: number = TNUM_A >> 2

/** Marks a checkpoint; what was marked before need not be followed further. */
function markState(env: Env, state: State): boolean {
  const { backtrack: bt } = env
  const { i32 } = env.heap
  let changed = false
  for (let f = bt.frame; f >= 0; f--) {
    const frame = state.frames[f]
    if (!frame) continue
    if ((bt.regs[f]! | bt.slotsLo[f]! | bt.slotsHi[f]!) !== 0) {
      i32[ASKED] = bt.regs[f]!
      i32[ASKED + 2] = bt.slotsLo[f]!
      i32[ASKED + 3] = bt.slotsHi[f]!
      if (env.domain.records.markPrecise(frame.address, frame.slots, TNUM_A)) changed = true
      bt.regs[f] = i32[ASKED]!
      bt.slotsLo[f] = i32[ASKED + 2]!
      bt.slotsHi[f] = i32[ASKED + 3]!
    }
    if (env.log.level & LOG_LEVEL2) {
      env.log.print(
        `mark_precise: frame${f}: parent state regs=${regsText(bt.regs[f]!)} stack=${slotsText(bt, f)}: `,
      )
      printState(env, state, f, true)
    }
  }
  return changed
}

/** propagate_precision: what an equal checkpoint needs precise, the path to `cur` needs precise too. */
export function propagatePrecision(env: Env, old: State, cur: State): boolean {
  const { backtrack: bt } = env
  const verbose = (env.log.level & LOG_LEVEL2) !== 0
  for (let f = old.curframe; f >= 0; f--) {
    const frame = old.frames[f]!
    const regs = env.domain.records.preciseScalars(frame.address, frame.slots, TNUM_A)
    const lo = env.heap.i32[TNUM_A >> 2]!
    const hi = env.heap.i32[(TNUM_A >> 2) + 1]!
    bt.regs[f]! |= regs
    bt.slotsLo[f]! |= lo
    bt.slotsHi[f]! |= hi
    if (verbose && (regs | lo | hi) !== 0) {
      const names = [regsText(regs), ...slotNames(lo, hi)].filter((name) => name !== '')
      env.log.print(`frame ${f}: propagating ${names.join(',')}\n`)
    }
  }
  return chainPrecision(env, cur)
}
