import type { LineInfo } from '@skep/registry'
import type { Env } from './env.ts'
import { findLine } from './program.ts'

/** BPF_LOG_LEVEL1: the path that fails. */
export const LOG_LEVEL1 = 1
/** BPF_LOG_LEVEL2: every path. */
export const LOG_LEVEL2 = 2
/** BPF_LOG_STATS: the stack depth and the counts at the end. */
export const LOG_STATS = 4

/** Bytes of a log that are kept by default: what libbpf gives the kernel. */
export const DEFAULT_LOG_LIMIT: number = 2 ** 24 - 1

const BPF_LOG_MIN_ALIGNMENT = 8
const BPF_LOG_ALIGNMENT = 40

/** Spaces that put the state behind an instruction of `length` characters in a column (bpf_vlog_alignment). */
function alignment(length: number): number {
  const column = Math.max(length + BPF_LOG_MIN_ALIGNMENT / 2, BPF_LOG_ALIGNMENT)
  return Math.ceil(column / BPF_LOG_MIN_ALIGNMENT) * BPF_LOG_MIN_ALIGNMENT - length - 1
}

/** Follows the walk, instruction by instruction. For logs of level 0, whose positions then count instructions. */
export interface Recorder {
  /** Before an instruction is checked: the walk's position and state are in the Env. */
  step(): void
  /** The paths since the log had this position proved safe. */
  reset(position: number): void
}

/**
 * The text of the log, in pieces. At level 0 nothing is formatted but the lines of a refusal. At level 1 a path that
 * proved safe is taken back (`reset`), so that the log is the path that failed. As the kernel's log buffer it keeps the
 * last `limit` characters.
 */
export class Log {
  /** LOG_LEVEL1 and LOG_LEVEL2: whether instructions are logged. */
  readonly level: number
  /** LOG_STATS. */
  readonly stats: boolean
  readonly #limit: number
  #parts: string[] = []
  /** Parts before it were dropped. */
  #first = 0
  /** Position of the first character that is kept. */
  #start = 0
  position = 0
  recorder: Recorder | undefined
  // What the instruction just walked touched: its state is printed behind it.
  #scratchedRegs = 0
  #scratchedLo = 0
  #scratchedHi = 0
  /** Where the line of the last instruction ends, and its length. */
  #insnEnd = 0
  #insnLength = 0

  constructor(level: number, limit: number = DEFAULT_LOG_LIMIT) {
    this.level = level & (LOG_LEVEL1 | LOG_LEVEL2)
    this.stats = (level & LOG_STATS) !== 0
    this.#limit = limit
  }

  /** Is there a log at all? */
  get needed(): boolean {
    return this.level !== 0 || this.stats
  }

  print(text: string): void {
    if (!this.needed) return
    this.#parts.push(text)
    this.position += text.length
    if (this.position - this.#start > this.#limit) this.#drop()
  }

  /** Takes back what was printed after `position`. */
  reset(position: number): void {
    this.recorder?.reset(position)
    this.takeBack(position)
  }

  /** As `reset`, and the path stays the same. */
  takeBack(position: number): void {
    while (this.position > position && this.#parts.length > this.#first) {
      const last = this.#parts.pop()!
      this.position -= last.length
      if (this.position < position) {
        this.#parts.push(last.slice(0, position - this.position))
        this.position = position
      }
    }
    if (this.position > position) {
      this.position = position
      this.#start = position
    }
  }

  /** Forgets the oldest parts. */
  #drop(): void {
    while (this.position - this.#start > this.#limit && this.#first < this.#parts.length - 1) {
      this.#start += this.#parts[this.#first]!.length
      this.#parts[this.#first++] = ''
    }
    if (this.#first < 4096 || this.#first < this.#parts.length / 2) return
    this.#parts = this.#parts.slice(this.#first)
    this.#first = 0
  }

  /** A copy of the pieces, joined when asked for. */
  text(): () => string {
    const parts = this.#parts.slice(this.#first)
    const limit = this.#limit
    let joined: string | undefined
    return () => {
      joined ??= parts.join('').slice(-limit)
      return joined
    }
  }

  /** Shows an instruction to the recorder; the position stands for it. */
  step(): void {
    if (!this.recorder) return
    this.recorder.step()
    this.position++
  }

  scratchReg(regno: number): void {
    this.#scratchedRegs |= 1 << regno
  }

  scratchSlot(spi: number): void {
    if (spi < 32) this.#scratchedLo |= 1 << spi
    else this.#scratchedHi |= 1 << (spi - 32)
  }

  scratchAll(): void {
    this.#scratchedRegs = -1
    this.#scratchedLo = -1
    this.#scratchedHi = -1
  }

  clean(): void {
    this.#scratchedRegs = 0
    this.#scratchedLo = 0
    this.#scratchedHi = 0
  }

  get scratched(): boolean {
    return (this.#scratchedRegs | this.#scratchedLo | this.#scratchedHi) !== 0
  }

  regScratched(regno: number): boolean {
    return ((this.#scratchedRegs >> regno) & 1) !== 0
  }

  slotScratched(spi: number): boolean {
    return ((spi < 32 ? this.#scratchedLo >> spi : this.#scratchedHi >> (spi - 32)) & 1) !== 0
  }

  /** Prints the line of an instruction and remembers it, so that a state may be put behind it. */
  printInsn(text: string): void {
    this.print(`${text}\n`)
    this.#insnEnd = this.position
    this.#insnLength = text.length + 1
  }

  /** Begins the line of a state: behind the last instruction when nothing was printed since, else on its own. */
  beginState(insn: number): void {
    if (this.#insnEnd !== 0 && this.#insnEnd === this.position) {
      this.takeBack(this.#insnEnd - 1)
      this.print(`${' '.repeat(alignment(this.#insnLength))};`)
    } else {
      this.print(`${insn}:`)
    }
  }
}

/** The line of C that an instruction belongs to, when it is another than the last one printed. */
function newLine(env: Env, insn: number): LineInfo | undefined {
  const line = findLine(env.program, insn)
  const last = env.prevLine
  if (!line || line === last) return
  return last && last.file === line.file && last.line === line.line ? undefined : line
}

/** verbose_linfo */
export function printLine(env: Env, insn: number, prefix: string): void {
  if (!env.log.needed) return
  const line = newLine(env, insn)
  if (!line) return
  env.log.print(`${prefix}${lineText(line)}\n`)
  env.prevLine = line
}

/** What is put beside some messages about the current instruction: its line, when it is a new one. */
export function sourceLine(env: Env): readonly string[] {
  const line = newLine(env, env.insn)
  return line ? [`; ${lineText(line)}`] : []
}

export const lineText = (line: LineInfo): string =>
  `${line.text.trimStart()} @ ${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line}`
