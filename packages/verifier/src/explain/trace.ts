import type { Env } from '../env.ts'
import type { Log, Recorder } from '../log.ts'
import {
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_ST,
  BPF_STX,
  CALL,
  classOf,
  modeOf,
  sizeBytes,
} from '../opcode.ts'
import { PTR_TO_STACK } from '../reg-type.ts'
import { aux0, offOf, typeOf } from '../regs.ts'

/** Bytes of a frame's stack: the lowest and one past the highest, below r10. */
export interface StackRange {
  readonly frame: number
  readonly low: number
  readonly high: number
}

/** The path that the walk is on, as numbers: what the log of level 1 shows of it, kept small. */
export class Trace implements Recorder {
  readonly #env: Env
  readonly insns: number[] = []
  /** Index of the function's frame. */
  readonly frames: number[] = []
  /** How many instructions had been walked: it names the moment. */
  readonly moments: number[] = []
  readonly #positions: number[] = []
  /** For a load or store of the stack, what it touches; for a call, what its arguments point to. */
  readonly stack: (readonly StackRange[] | undefined)[] = []
  /** How often each instruction was walked, on all paths. */
  readonly visits: Uint32Array

  constructor(env: Env) {
    this.#env = env
    this.visits = new Uint32Array(env.program.length)
    env.log.recorder = this
  }

  get length(): number {
    return this.insns.length
  }

  step(): void {
    const env = this.#env
    const { insn } = env
    this.visits[insn]!++
    this.insns.push(insn)
    this.frames.push(env.cur.curframe)
    this.moments.push(env.insnProcessed)
    this.#positions.push(env.log.position)
    this.stack.push(touched(env, insn))
  }

  reset(position: number): void {
    let n = this.insns.length
    while (n > 0 && this.#positions[n - 1]! >= position) n--
    for (const list of [this.insns, this.frames, this.moments, this.#positions, this.stack]) list.length = n
  }
}

function touched(env: Env, insn: number): readonly StackRange[] | undefined {
  const { program: p } = env
  const code = p.code[insn]!
  if (code === CALL) {
    const ranges: StackRange[] = []
    for (let r = 1; r <= 5; r++) {
      const range = pointed(env, r, 0)
      if (range) ranges.push({ ...range, high: 0 })
    }
    return ranges.length > 0 ? ranges : undefined
  }
  const kind = classOf(code)
  const mode = modeOf(code)
  if (kind === BPF_LD || (mode !== BPF_MEM && mode !== BPF_MEMSX)) return
  const base = kind === BPF_LDX ? p.src[insn]! : kind === BPF_ST || kind === BPF_STX ? p.dst[insn]! : -1
  if (base < 0 || base > 10) return
  const range = pointed(env, base, p.off[insn]!)
  return range && [{ ...range, high: range.low + sizeBytes(code) }]
}

/** Where in the stack a register points, when that is known. */
function pointed(env: Env, regno: number, off: number): StackRange | undefined {
  const reg = env.reg(regno)
  if (typeOf(env, reg) !== PTR_TO_STACK || !env.domain.isConst(reg)) return
  return { frame: aux0(env, reg), low: offOf(env, reg) + env.domain.smin(reg) + off, high: 0 }
}

/** Something to look at while the program is walked once more. */
export interface Look {
  readonly moment: number
  /** Called at that moment, before the instruction is checked. */
  readonly see: () => void
}

/** Looks at the walk at given moments, in order. */
export class Lookout implements Recorder {
  readonly #env: Env
  readonly #looks: readonly Look[]
  #next = 0

  constructor(env: Env, log: Log, looks: readonly Look[]) {
    this.#env = env
    this.#looks = [...looks].sort((a, b) => a.moment - b.moment)
    log.recorder = this
  }

  step(): void {
    const { insnProcessed } = this.#env
    let look = this.#looks[this.#next]
    while (look && look.moment <= insnProcessed) {
      if (look.moment === insnProcessed) look.see()
      look = this.#looks[++this.#next]
    }
  }

  reset(): void {}
}
