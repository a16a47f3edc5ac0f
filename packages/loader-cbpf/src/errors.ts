import { AssemblyError, type AssemblyErrorCode, ClassicError, type ClassicErrorCode } from '@skep/isa'

/**
 * What is wrong: the codes of isa's readers and checks, and of what this package adds. `UNKNOWN_FORMAT`: the input is
 * none of the forms; `TOO_LONG`: more text than a program can need; `NO_CONTEXT_FIELD`: a load that the program type has
 * nothing for; `BAD_OPTION`: options that contradict each other or the program; `NO_LOOPS`: classic BPF only jumps forward.
 */
export type CbpfErrorCode =
  | ClassicErrorCode
  | AssemblyErrorCode
  | 'UNKNOWN_FORMAT'
  | 'TOO_LONG'
  | 'BAD_JSON'
  | 'UNKNOWN_NAME'
  | 'NO_CONTEXT_FIELD'
  | 'BAD_OPTION'
  | 'NO_LOOPS'

export interface CbpfPlace {
  /** In text: the line, counted from 1. */
  readonly line?: number
  /** In text: the column, counted from 1. */
  readonly column?: number
  /** The index of the classic instruction. */
  readonly insn?: number
}

const LONGEST_FACT = 300

/** A classic program that cannot be read, translated or run: where, the decisive fact and, where one exists, the mend. */
export class CbpfError extends Error {
  override readonly name = 'CbpfError'
  readonly code: CbpfErrorCode
  readonly line: number | undefined
  readonly column: number | undefined
  readonly insn: number | undefined

  constructor(code: CbpfErrorCode, fact: string, place: CbpfPlace = {}, cause?: unknown) {
    const where = [
      place.insn === undefined ? '' : `insn ${place.insn}`,
      place.line === undefined ? '' : `line ${place.line}`,
      place.column === undefined ? '' : `column ${place.column}`,
    ].filter((part) => part !== '')
    // A word of a megabyte must not make a message of a megabyte, and one of two lines none of two.
    const short = fact.length > LONGEST_FACT ? `${fact.slice(0, LONGEST_FACT)}...` : fact
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const shown = short.replace(/[\u0000-\u001f\u007f]/g, '?')
    super(`${where.join(', ')}${where.length > 0 ? ': ' : ''}${shown}`, cause === undefined ? {} : { cause })
    this.code = code
    this.line = place.line
    this.column = place.column
    this.insn = place.insn
  }
}

/** Runs what isa may refuse; its errors come out as `CbpfError`, with the line where `lineOf` knows it. */
export function refusing<T>(act: () => T, lineOf?: (insn: number) => number | undefined): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof AssemblyError || error instanceof ClassicError) throw fromIsa(error, lineOf)
    throw error
  }
}

const PLACE = /^(?:line \d+, column \d+|insn \d+): /

function fromIsa(
  error: AssemblyError | ClassicError,
  lineOf: ((insn: number) => number | undefined) | undefined,
): CbpfError {
  const insn = error instanceof ClassicError ? error.insn : undefined
  const line = error.line ?? (insn === undefined ? undefined : lineOf?.(insn))
  const place: CbpfPlace = {
    ...(insn === undefined ? {} : { insn }),
    ...(line === undefined ? {} : { line }),
    ...(error.column === undefined ? {} : { column: error.column }),
  }
  return new CbpfError(error.code, error.message.replace(PLACE, ''), place, error)
}
