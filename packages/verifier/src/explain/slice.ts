import type { Env } from '../env.ts'
import { BPF_MOV } from '../layout.ts'
import { useAndDef } from '../live-regs.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_ST,
  BPF_STX,
  CALL,
  classOf,
  EXIT,
  hasSrcReg,
  MAY_GOTO,
  opOf,
} from '../opcode.ts'
import { isPseudoCall } from '../program.ts'
import type { StackRange, Trace } from './trace.ts'

/** What a step of the path has to do with the refusal. */
export type StepKind =
  /** Puts a value into a register: a constant, a load. */
  | 'value'
  /** Copies a register, or keeps it on the stack. */
  | 'copy'
  /** Changes the value by arithmetic. */
  | 'arithmetic'
  /** A branch on the value. */
  | 'check'
  /** A call that returns the value. */
  | 'result'
  /** A call that loses it. */
  | 'lost'
  /** A call or a return that passes it on between functions. */
  | 'call'
  /** A call that acquires, locks or begins a section. */
  | 'acquire'
  /** A branch that this path took after that. */
  | 'turn'
  /** Where it fails. */
  | 'failure'

/** A step that may matter: which registers and slots to look at there. */
export interface Candidate {
  readonly index: number
  readonly kind: StepKind
  readonly regs: number
  readonly slots: readonly number[]
  /** The step matters only when one of them changes there. */
  readonly onlyIfChanged: boolean
}

const MAX_CANDIDATES = 2000
const CALLER_SAVED = 0x3f
const FRAME_POINTER = 1 << 10

/** What has to be known of the values that matter, frame by frame. */
class Wanted {
  readonly #regs: number[] = []
  readonly #slots: Set<number>[] = []

  regs(frame: number): number {
    return this.#regs[frame] ?? 0
  }

  setRegs(frame: number, mask: number): void {
    this.#regs[frame] = mask & ~FRAME_POINTER
  }

  slots(frame: number): Set<number> {
    this.#slots[frame] ??= new Set()
    return this.#slots[frame]
  }

  add(range: StackRange): void {
    for (let spi = slotOf(range.high - 1); spi <= slotOf(range.low); spi++) this.slots(range.frame).add(spi)
  }

  get empty(): boolean {
    return this.#regs.every((mask) => !mask) && this.#slots.every((slots) => slots.size === 0)
  }
}

/** Index of the slot of eight bytes that an offset below r10 lies in. */
const slotOf = (off: number): number => Math.max(0, (-off - 1) >> 3)

/** Where the values in `seeds` come from, going backwards from step `end` of the path. */
export function sliceOf(
  env: Env,
  trace: Trace,
  end: number,
  seeds: number,
  seedSlots?: StackRange,
): Candidate[] {
  const { program: p } = env
  const wanted = new Wanted()
  const found: Candidate[] = []
  const frameAt = (index: number): number => trace.frames[Math.min(index, trace.length - 1)] ?? 0
  wanted.setRegs(frameAt(end), seeds)
  if (seedSlots) wanted.add(seedSlots)
  for (let i = Math.min(end, trace.length) - 1; i >= 0; i--) {
    if (wanted.empty || found.length >= MAX_CANDIDATES) break
    const insn = trace.insns[i]!
    const frame = trace.frames[i]!
    const next = i + 1 < trace.length ? trace.frames[i + 1]! : frame
    const code = p.code[insn]!
    const kind = classOf(code)
    const regs = wanted.regs(frame)
    const slots = wanted.slots(frame)
    const note = (what: StepKind, mask: number, onlyIfChanged = false, at: readonly number[] = []): void => {
      found.push({ index: i, kind: what, regs: mask, slots: at, onlyIfChanged })
    }
    if (code === CALL) {
      if (next > frame) {
        const args = isPseudoCall(p, insn) ? wanted.regs(next) & 0x3e : 0
        if (wanted.regs(next)) note('call', args)
        wanted.setRegs(next, 0)
        wanted.slots(next).clear()
        wanted.setRegs(frame, (regs & ~CALLER_SAVED) | args)
        continue
      }
      const hit = [...slots].filter((spi) =>
        trace.stack[i]?.some((r) => r.frame === frame && spi <= slotOf(r.low)),
      )
      if (regs & 1) note('result', 1)
      else if (regs & CALLER_SAVED) note('lost', regs & CALLER_SAVED)
      else if (regs || hit.length > 0) note('lost', regs & ~CALLER_SAVED, true, hit)
      wanted.setRegs(frame, regs & ~CALLER_SAVED)
      continue
    }
    if (code === EXIT) {
      if (next < frame && wanted.regs(next) & 1) {
        note('call', 1)
        wanted.setRegs(frame, 1)
        wanted.setRegs(next, wanted.regs(next) & ~CALLER_SAVED)
      }
      continue
    }
    if (kind === BPF_JMP || kind === BPF_JMP32) {
      if (opOf(code) === BPF_JA || code === MAY_GOTO || (!regs && slots.size === 0)) continue
      const operands = useAndDef(env, insn) & 0x7ff
      note('check', regs, (operands & regs) === 0, [...slots])
      continue
    }
    const range = trace.stack[i]?.[0]
    if (kind === BPF_ST || kind === BPF_STX) {
      if (!range) continue
      const kept = wanted.slots(range.frame)
      const hit: number[] = []
      for (let spi = slotOf(range.high - 1); spi <= slotOf(range.low); spi++)
        if (kept.delete(spi)) hit.push(spi)
      if (hit.length === 0) continue
      const source = kind === BPF_STX ? 1 << p.src[insn]! : 0
      note(source ? 'copy' : 'value', source, false, range.frame === frame ? hit : [])
      wanted.setRegs(frame, regs | source)
      continue
    }
    const effect = useAndDef(env, insn)
    const written = (effect >>> 16) & regs
    if (!written) continue
    let sources = 0
    let what: StepKind = 'value'
    if (kind === BPF_LDX) {
      if (range) {
        what = 'copy'
        wanted.add(range)
      }
    } else if (kind === BPF_ALU || kind === BPF_ALU64) {
      sources = effect & 0x7ff
      what = opOf(code) === BPF_MOV ? (hasSrcReg(code) ? 'copy' : 'value') : 'arithmetic'
    }
    note(what, written | (what === 'arithmetic' ? sources & ~FRAME_POINTER : 0))
    wanted.setRegs(frame, (wanted.regs(frame) & ~written) | sources)
  }
  return found.reverse()
}
