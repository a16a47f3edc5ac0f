import type { LineInfo } from '@skep/registry'
import type { Env } from './env.ts'
import { findLine } from './program.ts'

/** BPF_LOG_LEVEL1: the path that fails. */
export const LOG_LEVEL1 = 1
/** BPF_LOG_LEVEL2: every path. */
export const LOG_LEVEL2 = 2

const BPF_LOG_MIN_ALIGNMENT = 8
const BPF_LOG_ALIGNMENT = 40

/** Spaces that put the state behind an instruction of `length` characters in a column (bpf_vlog_alignment). */
function alignment(length: number): number {
  const column = Math.max(length + BPF_LOG_MIN_ALIGNMENT / 2, BPF_LOG_ALIGNMENT)
  return Math.ceil(column / BPF_LOG_MIN_ALIGNMENT) * BPF_LOG_MIN_ALIGNMENT - length - 1
}

/**
 * The text of the log, in pieces. At level 0 nothing is formatted but the lines of a refusal. At level 1 a path that
 * proved safe is taken back (`reset`), so that the log is the path that failed.
 */
export class Log {
  readonly level: number
  readonly #parts: string[] = []
  position = 0
  // What the instruction just walked touched: its state is printed behind it.
  #scratchedRegs = 0
  #scratchedLo = 0
  #scratchedHi = 0
  /** Where the line of the last instruction ends, and its length. */
  #insnEnd = 0
  #insnLength = 0

  constructor(level: number) {
    this.level = level
  }

  print(text: string): void {
    if (this.level === 0) return
    this.#parts.push(text)
    this.position += text.length
  }

  /** Takes back what was printed after `position`. */
  reset(position: number): void {
    while (this.position > position) {
      const last = this.#parts.pop()!
      this.position -= last.length
      if (this.position < position) {
        this.#parts.push(last.slice(0, position - this.position))
        this.position = position
      }
    }
  }

  /** A copy of the pieces, joined when asked for. */
  text(): () => string {
    const parts = this.#parts.slice()
    let joined: string | undefined
    return () => {
      joined ??= parts.join('')
      return joined
    }
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
      this.reset(this.#insnEnd - 1)
      this.print(`${' '.repeat(alignment(this.#insnLength))};`)
    } else {
      this.print(`${insn}:`)
    }
  }
}

/** verbose_linfo: the line of C that an instruction belongs to, when it is another than the last one printed. */
export function printLine(env: Env, insn: number, prefix: string): void {
  if (env.log.level === 0) return
  const line = findLine(env.program, insn)
  const last = env.prevLine
  if (!line || line === last) return
  if (last && last.file === line.file && last.line === line.line) return
  env.log.print(`${prefix}${lineText(line)}\n`)
  env.prevLine = line
}

export const lineText = (line: LineInfo): string =>
  `${line.text.trimStart()} @ ${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line}`
