import { decode, formatMnemonic, type Insn, type OpDef } from '@skep/isa'
import type { FunctionInfo, LineInfo, ProgramSpec } from '@skep/registry'
import { DebuggerError } from './errors.ts'

/** A line of source: 1-based, as BTF.ext has it. */
export interface SourceLine {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

/** What is known of a program's code: instructions by slot, functions and lines. */
export class CodeMap {
  readonly program: ProgramSpec
  readonly insns: readonly (Insn | undefined)[]
  readonly #functions: readonly FunctionInfo[]
  readonly #lines: readonly LineInfo[]

  constructor(program: ProgramSpec) {
    this.program = program
    this.insns = decode(program.insns)
    this.#functions = [...program.functions].sort((one, other) => one.insn - other.insn)
    this.#lines = [...program.lines].sort((one, other) => one.insn - other.insn)
  }

  /** The instruction at a slot; undefined for the second half of an ld_imm64. */
  at(pc: number): Insn | undefined {
    const insn = this.insns[pc]
    return insn && insn.def.kind !== 'ld_imm64_hi' ? insn : undefined
  }

  kindAt(pc: number): OpDef['kind'] | undefined {
    return this.at(pc)?.def.kind
  }

  /** In the mnemonic syntax of `skep asm`; '?' where nothing is known of the code. */
  textAt(pc: number): string {
    const insn = this.at(pc)
    return insn ? formatMnemonic(insn) : '?'
  }

  /** The name of the function that a slot is in. */
  functionAt(pc: number): string {
    return last(this.#functions, pc)?.name ?? this.program.name
  }

  /** The line that a slot belongs to. */
  sourceAt(pc: number): SourceLine | undefined {
    const info = last(this.#lines, pc)
    // A line of another function says nothing of this one.
    const begin = last(this.#functions, pc)?.insn ?? 0
    return info && info.insn >= begin ? info : undefined
  }

  /** Whether a slot is the first one of a line. */
  beginsLine(pc: number): boolean {
    return this.#lines.some(({ insn }) => insn === pc)
  }

  /** The first slot of a function. Throws DebuggerError NO_SUCH_PLACE. */
  slotOfFunction(name: string): number {
    const found = this.#functions.find((info) => info.name === name)
    if (found) return found.insn
    if (name === this.program.name) return 0
    const known = this.#functions.map((info) => info.name).join(', ') || this.program.name
    throw new DebuggerError(
      'NO_SUCH_PLACE',
      name,
      `no function ${name} in ${this.program.name}; it has ${known}`,
    )
  }

  /**
   * The slots where a line begins, one for each way into it; of a line without code those of the next one that has some. `file`
   * may be the end of the path. Throws DebuggerError NO_SUCH_PLACE.
   */
  slotsOfLine(line: number, file?: string): { readonly line: number; readonly slots: readonly number[] } {
    const inFile = this.#lines.filter((info) => file === undefined || endsWith(info.file, file))
    const nearest = Math.min(...inFile.map((info) => info.line).filter((one) => one >= line))
    if (Number.isFinite(nearest)) {
      const found = inFile.filter((info) => info.line === nearest)
      // Code of one line that goes on behind another line's is no new way into it.
      const slots = found.filter((info) => this.sourceAt(info.insn - 1)?.line !== nearest)
      return { line: nearest, slots: slots.map(({ insn }) => insn) }
    }
    const files = [...new Set(this.#lines.map((info) => info.file))].join(', ')
    throw new DebuggerError(
      'NO_SUCH_PLACE',
      `${file ?? ''}:${line}`,
      files === ''
        ? `${this.program.name} has no line information; compile it with -g`
        : `no code of ${this.program.name} at or behind line ${line}${file === undefined ? '' : ` of ${file}`}; its lines are of ${files}`,
    )
  }
}

const endsWith = (path: string, end: string): boolean => path === end || path.endsWith(`/${end}`)

/** The last one that begins at a slot or before it, of some in order. */
function last<T extends { readonly insn: number }>(ordered: readonly T[], pc: number): T | undefined {
  let low = 0
  let high = ordered.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ordered[middle]!.insn <= pc) low = middle + 1
    else high = middle
  }
  return ordered[low - 1]
}
