import type { Env } from './env.ts'
import {
  HISTORY_FLAGS,
  HISTORY_INSN,
  HISTORY_LINKED,
  HISTORY_PREVIOUS,
  HISTORY_WORDS,
  type State,
} from './state.ts'

// Flags of an entry: what the instruction did with the stack, for precision to follow values through it.
/** The instruction filled a register from, or spilled one to, the slot in the low bits. */
export const INSN_F_STACK_ACCESS: number = 1 << 9
export const INSN_F_DST_REG_STACK: number = 1 << 10
export const INSN_F_SRC_REG_STACK: number = 1 << 11

export const stackAccessFlags = (frameno: number, spi: number): number =>
  INSN_F_STACK_ACCESS | (spi << 3) | frameno
export const accessSlot = (flags: number): number => (flags >> 3) & 63
export const accessFrame = (flags: number): number => flags & 7

export const LINKED_REGS_MAX = 6

/** Registers that a jump links: they hold the same value, so what refines one refines all (struct linked_regs). */
export class LinkedRegs {
  count = 0
  readonly frame: Uint8Array = new Uint8Array(LINKED_REGS_MAX)
  /** A register or, where `isReg` is 0, a stack slot. */
  readonly index: Uint8Array = new Uint8Array(LINKED_REGS_MAX)
  readonly isReg: Uint8Array = new Uint8Array(LINKED_REGS_MAX)

  /** False when there is no room. */
  push(frame: number, index: number, isReg: boolean): boolean {
    if (this.count === LINKED_REGS_MAX) return false
    this.frame[this.count] = frame
    this.index[this.count] = index
    this.isReg[this.count] = isReg ? 1 : 0
    this.count++
    return true
  }

  /** Writes the registers into a history entry. */
  pack(history: Int32Array, entry: number): void {
    const at = entry + HISTORY_LINKED
    history[at] = this.count
    history[at + 1] = 0
    history[at + 2] = 0
    for (let i = 0; i < this.count; i++) {
      const bits = this.frame[i]! | (this.index[i]! << 3) | (this.isReg[i]! << 9)
      history[at + 1 + (i >= 3 ? 1 : 0)]! |= bits << ((i % 3) * 10)
    }
  }

  unpack(history: Int32Array, entry: number): void {
    const at = entry + HISTORY_LINKED
    this.count = history[at]!
    for (let i = 0; i < this.count; i++) {
      const bits = history[at + 1 + (i >= 3 ? 1 : 0)]! >>> ((i % 3) * 10)
      this.frame[i] = bits & 7
      this.index[i] = (bits >> 3) & 63
      this.isReg[i] = (bits >> 9) & 1
    }
  }
}

/** push_jmp_history: records the current instruction, or adds to its record. */
export function pushHistory(env: Env, state: State, flags: number, linked: LinkedRegs | undefined): void {
  if (env.historyEntry >= 0) {
    state.history[env.historyEntry + HISTORY_FLAGS]! |= flags
    if (linked) linked.pack(state.history, env.historyEntry)
    return
  }
  const entry = state.historyLength * HISTORY_WORDS
  if (entry + HISTORY_WORDS > state.history.length) {
    const larger = new Int32Array(Math.max(state.history.length * 2, HISTORY_WORDS * 16))
    larger.set(state.history)
    state.history = larger
  }
  const { history } = state
  history[entry + HISTORY_INSN] = env.insn
  history[entry + HISTORY_PREVIOUS] = env.prevInsn
  history[entry + HISTORY_FLAGS] = flags
  history[entry + HISTORY_LINKED] = 0
  if (linked) linked.pack(history, entry)
  state.historyLength++
  env.historyEntry = entry
}
