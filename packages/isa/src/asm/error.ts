/** What is wrong with a piece of assembly text. */
export type AssemblyErrorCode =
  | 'BAD_CHARACTER'
  | 'UNTERMINATED_COMMENT'
  | 'UNKNOWN_MNEMONIC'
  | 'UNEXPECTED'
  | 'BAD_REGISTER'
  | 'WIDTH_MISMATCH'
  | 'BAD_NUMBER'
  | 'OUT_OF_RANGE'
  | 'UNKNOWN_LABEL'
  | 'DUPLICATE_LABEL'
  | 'UNKNOWN_HELPER'
  | 'JUMP_TOO_FAR'
  | 'JUMP_BACKWARD'
  | 'TOO_MANY_INSNS'
  | 'OPCODE_MISMATCH'

/** A place in a text; both numbers count from 1. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

const LONGEST_FACT = 200

/** Text that is no program. The message is one line with the place, the word and what may stand there. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError'
  readonly code: AssemblyErrorCode
  readonly line: number
  readonly column: number
  /** The offending word; empty at the end of a line. */
  readonly word: string
  /** What could have stood there. */
  readonly expected: readonly string[]

  constructor(
    code: AssemblyErrorCode,
    at: TextPosition,
    word: string,
    fact: string,
    expected: readonly string[] = [],
  ) {
    // A word of a megabyte must not make a message of a megabyte.
    const shown = fact.length > LONGEST_FACT ? `${fact.slice(0, LONGEST_FACT)}...` : fact
    const mend = expected.length > 0 ? `; expected ${expected.join(' or ')}` : ''
    super(`line ${at.line}, column ${at.column}: ${shown}${mend}`)
    this.code = code
    this.line = at.line
    this.column = at.column
    this.word = word
    this.expected = expected
  }
}
