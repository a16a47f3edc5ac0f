import { FilterError, type FilterErrorCode, type FilterErrorDetails, type Span } from './filter-error.ts'
import { hintFor } from './hints.ts'
import { type Token, tokenize } from './lexer.ts'

/** Parentheses, `not` and signs inside each other, at most. */
export const DEEPEST_NESTING = 200

/** The words of an expression, read one after the other, and the errors that point at them. */
export class TokenStream {
  readonly text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.text = text
    this.#tokens = tokenize(text)
  }

  get next(): Token {
    return this.#tokens[this.#at]!
  }

  get atEnd(): boolean {
    return this.next.kind === 'end'
  }

  /** The word after the next. */
  get second(): Token | undefined {
    return this.#tokens[this.#at + 1]
  }

  take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.#at += 1
    return token
  }

  /** Whether this keyword comes next. */
  isWord(...words: string[]): boolean {
    return this.next.kind === 'word' && words.includes(this.next.text)
  }

  isSign(sign: string): boolean {
    return this.next.kind === 'sign' && this.next.text === sign
  }

  takeSign(sign: string): boolean {
    const found = this.isSign(sign)
    if (found) this.take()
    return found
  }

  needSign(sign: string, expected = `'${sign}'`): Token {
    return this.isSign(sign) ? this.take() : this.fail(expected)
  }

  needNumber(expected = 'a number'): Token {
    return this.next.kind === 'number' ? this.take() : this.fail(expected)
  }

  /** From `start` to the word read last. */
  spanFrom(start: Span): Span {
    const last = this.#tokens[this.#at - 1] ?? this.next
    return { offset: start.offset, length: Math.max(start.length, last.offset + last.length - start.offset) }
  }

  nested<T>(read: () => T): T {
    if (this.#depth >= DEEPEST_NESTING) {
      this.refuse('TOO_DEEP', this.next, `the expression is nested more than ${DEEPEST_NESTING} deep`)
    }
    this.#depth += 1
    const result = read()
    this.#depth -= 1
    return result
  }

  /** The word that comes next does not belong there. */
  fail(expected: string, mend?: string): never {
    const token = this.next
    if (token.kind === 'end') this.refuse('SYNTAX', token, 'the expression ends here', { expected, mend })
    const word = this.text.slice(token.offset, token.offset + token.length)
    this.refuse('SYNTAX', token, `'${word}' cannot stand here`, {
      expected,
      mend: mend ?? (token.kind === 'name' ? hintFor(word) : undefined),
    })
  }

  refuse(code: FilterErrorCode, span: Span, fact: string, details: FilterErrorDetails = {}): never {
    throw new FilterError(code, this.text, span, fact, details)
  }
}
