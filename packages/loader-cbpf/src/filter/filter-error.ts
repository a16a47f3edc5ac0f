/**
 * What is wrong with an expression. `TOO_LONG`, `TOO_DEEP`: more text or nesting than is read; `UNEXPECTED_CHARACTER`,
 * `SYNTAX`: it is not of the language; `BAD_NUMBER`, `BAD_ADDRESS`, `BAD_VALUE`: a value that is none, or out of its range;
 * `BAD_QUALIFIER`: words that do not go together; `UNKNOWN_NAME`: nobody knows the name, the resolver included;
 * `UNSUPPORTED`: the link type or the kind of capture has nothing for the word; `BAD_OPTION`: an option is missing, or
 * contradicts another; `REJECTS_ALL`: no packet can pass.
 */
export type FilterErrorCode =
  | 'TOO_LONG'
  | 'TOO_DEEP'
  | 'UNEXPECTED_CHARACTER'
  | 'SYNTAX'
  | 'BAD_NUMBER'
  | 'BAD_ADDRESS'
  | 'BAD_VALUE'
  | 'BAD_QUALIFIER'
  | 'UNKNOWN_NAME'
  | 'UNSUPPORTED'
  | 'BAD_OPTION'
  | 'REJECTS_ALL'

/** A piece of the expression's text, in UTF-16 units. */
export interface Span {
  readonly offset: number
  readonly length: number
}

export interface FilterErrorDetails {
  /** What could stand there instead. */
  readonly expected?: string | undefined
  /** How to mend it. */
  readonly mend?: string | undefined
}

const LONGEST_FACT = 240
const CARET_MARGIN = 70

const shorten = (text: string): string =>
  text.length > LONGEST_FACT ? `${text.slice(0, LONGEST_FACT)}...` : text

/** A filter expression that is refused: where (`offset`, `length`, `word`), why, and what to write instead. */
export class FilterError extends Error {
  override readonly name = 'FilterError'
  readonly code: FilterErrorCode
  /** The expression. */
  readonly text: string
  /** Where the word begins, in UTF-16 units from 0. */
  readonly offset: number
  /** The word's length; 0 at the end of the expression. */
  readonly length: number
  readonly word: string
  readonly expected: string | undefined
  readonly mend: string | undefined

  constructor(
    code: FilterErrorCode,
    text: string,
    span: Span,
    fact: string,
    details: FilterErrorDetails = {},
  ) {
    const word = text.slice(span.offset, span.offset + span.length)
    const { expected, mend } = details
    const parts = [
      `column ${span.offset + 1}: ${shorten(fact)}`,
      ...(expected === undefined ? [] : [`expected ${shorten(expected)}`]),
      ...(mend === undefined ? [] : [shorten(mend)]),
    ]
    super(parts.join('; ').replace(/\s+/g, ' '))
    this.code = code
    this.text = text
    this.offset = span.offset
    this.length = span.length
    this.word = word
    this.expected = expected
    this.mend = mend
  }

  /** The expression, or the part of it around the word, with the word underlined on a second line. */
  get caret(): string {
    const start = Math.max(0, this.offset - CARET_MARGIN)
    const marks = '^'.repeat(Math.max(1, Math.min(this.length, CARET_MARGIN)))
    const end = Math.max(start, this.offset) + marks.length + CARET_MARGIN
    const shown = this.text.slice(start, end).replace(/\s/g, ' ')
    return `${shown}\n${' '.repeat(this.offset - start)}${marks}`
  }
}
