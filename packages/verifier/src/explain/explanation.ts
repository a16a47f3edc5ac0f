import type { LineInfo } from '@skep/registry'
import type { Env } from '../env.ts'
import { useAndDef } from '../live-regs.ts'
import { insnText, regText } from '../log-state.ts'
import { BPF_JMP, BPF_JMP32, BPF_LDX, CALL, classOf, EXIT } from '../opcode.ts'
import { findLine } from '../program.ts'
import { findRefusal } from '../refusals/find-refusal.ts'
import type { RefusalCode, UNCLASSIFIED } from '../refusals/table.ts'
import { NOT_INIT } from '../reg-type.ts'
import { typeOf } from '../regs.ts'
import { type Frame, STACK_SPILL } from '../state.ts'
import { noteOf } from './note.ts'
import { type Candidate, type StepKind, sliceOf } from './slice.ts'
import { type Look, Lookout, Trace } from './trace.ts'

/** A place in the program. */
export interface ExplainedPlace {
  /** Slot of the instruction. */
  readonly insn: number
  /** The instruction, as the log writes it. */
  readonly text: string
  /** The function that it belongs to, where BTF names it. */
  readonly function?: string
  /** The line of C, where the program has line information. */
  readonly source?: LineInfo
}

/** A register or stack slot, as the log writes it: `fp-8`, `map_value_or_null(id=1,…)`. */
export interface RegisterChange {
  readonly name: string
  readonly before?: string
  readonly after?: string
}

/** A step on the path that failed which has to do with the refusal. */
export interface ExplainedStep extends ExplainedPlace {
  readonly kind: StepKind
  /** What the step does to the value, in a few words. */
  readonly note: string
  readonly registers: readonly RegisterChange[]
}

/** A refusal, for people. */
export interface Explanation {
  /** Stable; each code has a page. */
  readonly code: RefusalCode | typeof UNCLASSIFIED
  readonly title: string
  /** The decisive fact, in one sentence. */
  readonly sentence: string
  /** The same in the kernel's words. */
  readonly line: string
  readonly errno: string
  readonly place: ExplainedPlace
  /** How it came to this, from the first step to the one that fails. Empty when no path was walked. */
  readonly path: readonly ExplainedStep[]
  /** What usually mends it. */
  readonly mend: readonly string[]
  /** The page about this kind of refusal: its path in the repository. */
  readonly page: string
}

/** What an explanation begins with: a refusal. */
export interface Refused {
  readonly errno: string
  readonly line: string
  readonly insn: number
  readonly register?: number
}

/** Walks the program again, showing the Env of the walk before it begins. */
export type Rewalk = (observe: (env: Env) => void) => void

/** Steps of a path that are shown at most: the first ones and the last ones. */
const MAX_STEPS = 40

/** Explains a refusal by walking the program twice more: for the path, then for the values on it. */
export function explainRefusal(refused: Refused, rewalk: Rewalk): Explanation {
  const found = findRefusal(refused.line)
  let env: Env | undefined
  let trace: Trace | undefined
  rewalk((it) => {
    env = it
    trace = new Trace(it)
  })
  const base = {
    code: found.code,
    title: found.title,
    sentence: found.sentence,
    line: refused.line,
    errno: refused.errno,
    mend: found.mend,
    page: found.page,
  }
  if (!env || !trace) return { ...base, place: { insn: refused.insn, text: '' }, path: [] }
  const place = placeOf(env, refused.insn)
  if (trace.length === 0) return { ...base, place, path: [] }
  const candidates = candidatesOf(env, trace, refused, found.code)
  const states = candidates.map((candidate) => new Seen(candidate))
  const walked = trace
  rewalk((it) => new Lookout(it, it.log, looksAt(it, walked, states)))
  const steps = states
    .filter((state) => !state.candidate.onlyIfChanged || state.changed)
    .map((state): ExplainedStep => {
      const { index, kind } = state.candidate
      // What a call does to the registers of the caller is not the point where it passes one on.
      const registers =
        kind === 'call' ? state.changes().map(({ after: _, ...rest }) => rest) : state.changes()
      const at = placeOf(env!, walked.insns[index] ?? refused.insn)
      const next = walked.insns[index + 1] ?? refused.insn
      return { ...at, kind, note: noteOf(env!, { insn: at.insn, next, kind, registers }), registers }
    })
  return { ...base, place, path: shortened(merged(steps)) }
}

export function placeOf(env: Env, insn: number): ExplainedPlace {
  const source = findLine(env.program, insn)
  const name = env.subprogs.length > 0 ? env.containingSubprog(insn).name : ''
  return {
    insn,
    text: insnText(env, insn).replace(/^\([0-9a-f]{2}\) /, ''),
    ...(name ? { function: name } : {}),
    ...(source ? { source } : {}),
  }
}

/** In a loop the same step comes round after round: the last round tells. */
function merged(steps: readonly ExplainedStep[]): readonly ExplainedStep[] {
  const seen = new Map<string, number>()
  const kept: (ExplainedStep | undefined)[] = []
  for (const step of steps) {
    const key = `${step.insn} ${step.kind} ${step.note}`
    const before = seen.get(key)
    if (before !== undefined) kept[before] = undefined
    seen.set(key, kept.length)
    kept.push(step)
  }
  return kept.filter((step) => step !== undefined)
}

const shortened = (steps: readonly ExplainedStep[]): readonly ExplainedStep[] =>
  steps.length <= MAX_STEPS
    ? steps
    : [...steps.slice(0, MAX_STEPS / 4), ...steps.slice(-(MAX_STEPS - MAX_STEPS / 4))]

/** Calls that a refusal about something held has to do with, by what their names have in them. */
const HOLDING: Readonly<Partial<Record<string, RegExp>>> = {
  LOCK_HELD: /lock/,
  LOCK_TWICE: /lock/,
  UNLOCK_WITHOUT_LOCK: /lock/,
  GLOBAL_FUNCTION_CONTEXT: /lock/,
  SECTION_OPEN: /rcu|preempt|irq/,
  MIGHT_SLEEP: /rcu|preempt|irq|lock/,
}

function candidatesOf(env: Env, trace: Trace, refused: Refused, code: string): readonly Candidate[] {
  const last = trace.length - 1
  const failed = trace.insns[last] === refused.insn ? last : trace.length
  const failure: Candidate = { index: failed, kind: 'failure', regs: 0, slots: [], onlyIfChanged: false }
  const acquired = /alloc_insn=(\d+)/.exec(refused.line)?.[1]
  if (acquired !== undefined) {
    const from = trace.insns.lastIndexOf(Number(acquired))
    return [...held(env, trace, from, failed), failure]
  }
  if (code === 'TOO_MANY_INSTRUCTIONS' || code === 'MEMORY_LIMIT' || code === 'TIME_LIMIT') {
    return hottest(env, trace)
  }
  if (code === 'INFINITE_LOOP' || code === 'TOO_MANY_BRANCHES') {
    const from = Math.max(0, trace.insns.lastIndexOf(refused.insn))
    return [...turns(env, trace, from - 1, failed), failure]
  }
  const holding = HOLDING[code]
  if (holding) {
    const from = trace.insns.findLastIndex(
      (insn, i) => i < failed && env.program.code[insn] === CALL && holding.test(insnText(env, insn)),
    )
    return [...held(env, trace, from, failed), failure]
  }
  if (failed > last) return [failure]
  const insn = trace.insns[last]!
  const insnCode = env.program.code[insn]!
  const uses = useAndDef(env, insn)
  let seeds = refused.register !== undefined ? 1 << refused.register : 0
  // A reserved instruction "reads" everything; a call, whatever its refusal does not name.
  if (!seeds && (uses & 0xffff) !== 0xffff && insnCode !== CALL) seeds = insnCode === EXIT ? 1 : uses
  seeds &= 0x3ff
  const loaded = classOf(insnCode) === BPF_LDX ? trace.stack[last]?.[0] : undefined
  return [...sliceOf(env, trace, failed, seeds, loaded), { ...failure, regs: seeds }]
}

/** The call that acquired something, and the branches that this path took since. */
function held(env: Env, trace: Trace, from: number, to: number): readonly Candidate[] {
  if (from < 0) return []
  return [
    { index: from, kind: 'acquire', regs: 1, slots: [], onlyIfChanged: false },
    ...turns(env, trace, from, to),
  ]
}

const MAX_TURNS = 16

function turns(env: Env, trace: Trace, from: number, to: number): readonly Candidate[] {
  const found: Candidate[] = []
  for (let i = from + 1; i < Math.min(to, trace.length); i++) {
    const insn = trace.insns[i]!
    const code = env.program.code[insn]!
    const kind = classOf(code)
    if ((kind !== BPF_JMP && kind !== BPF_JMP32) || code === CALL || code === EXIT) continue
    const regs = useAndDef(env, insn) & 0x3ff
    if (regs === 0) continue
    found.push({ index: i, kind: 'turn', regs, slots: [], onlyIfChanged: false })
  }
  return found.slice(-MAX_TURNS)
}

/** The branches that were walked most often. */
function hottest(env: Env, trace: Trace): readonly Candidate[] {
  const branches: Candidate[] = turns(env, trace, -1, trace.length).map((c) => ({ ...c, kind: 'turn' }))
  const count = (candidate: Candidate): number => trace.visits[trace.insns[candidate.index]!]!
  return branches
    .sort((a, b) => count(b) - count(a))
    .slice(0, 4)
    .sort((a, b) => a.index - b.index)
}

/** What a step's registers and slots held. */
class Seen {
  readonly candidate: Candidate
  readonly #before = new Map<string, string>()
  readonly #after = new Map<string, string>()

  constructor(candidate: Candidate) {
    this.candidate = candidate
  }

  look(env: Env, frameno: number, after: boolean): void {
    const frame = env.cur.frames[frameno]
    if (!frame || env.cur.curframe < frameno) return
    const into = after ? this.#after : this.#before
    for (let r = 0; r < 10; r++) {
      if ((this.candidate.regs >> r) & 1) into.set(`r${r}`, regOrNothing(env, frame, frame.reg(r)))
    }
    for (const spi of this.candidate.slots) into.set(`fp-${(spi + 1) * 8}`, slotText(env, frame, spi))
  }

  changes(): readonly RegisterChange[] {
    return [...new Set([...this.#before.keys(), ...this.#after.keys()])].map((name) => {
      const before = this.#before.get(name)
      const after = this.#after.get(name)
      return { name, ...(before ? { before } : {}), ...(after ? { after } : {}) }
    })
  }

  get changed(): boolean {
    return this.changes().some((c) => c.before !== c.after && c.after !== undefined)
  }
}

// Numbers of ids and marks of precision differ from moment to moment and say nothing.
const plain = (text: string): string => text.replace(/^P/, '').replace(/\bid=\d+(\+-?\d+)?,?/, '')

const regOrNothing = (env: Env, frame: Frame, reg: number): string =>
  typeOf(env, reg) === NOT_INIT ? 'nothing' : plain(regText(env, frame, reg))

const SLOT_WORDS: readonly string[] = ['nothing', 'spilled', 'misc', 'zero', 'dynptr', 'iterator', 'irq flag']

function slotText(env: Env, frame: Frame, spi: number): string {
  if (spi >= frame.slots) return 'nothing'
  const last = env.heap.u8[frame.types(spi) + 7]!
  return last === STACK_SPILL ? plain(regText(env, frame, frame.slot(spi))) : (SLOT_WORDS[last] ?? 'misc')
}

/** Before the step, and at the next one. */
function looksAt(env: Env, trace: Trace, states: readonly Seen[]): readonly Look[] {
  const looks: Look[] = []
  for (const state of states) {
    const { index } = state.candidate
    if (index >= trace.length) continue
    const frame = trace.frames[index]!
    looks.push({ moment: trace.moments[index]!, see: () => state.look(env, frame, false) })
    if (index + 1 < trace.length) {
      looks.push({ moment: trace.moments[index + 1]!, see: () => state.look(env, frame, true) })
    }
  }
  return looks
}
