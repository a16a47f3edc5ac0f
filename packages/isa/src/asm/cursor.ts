import { AssemblyError, type AssemblyErrorCode } from './error.ts'
import type { Statement, Token } from './tokens.ts'

/** Reads the tokens of one statement from left to right, or of all that follow where ends of lines mean nothing. */
export class Cursor {
  readonly #more: Iterator<Statement, undefined> | undefined
  #statement: Statement
  #at = 0

  constructor(statement: Statement, more?: Iterator<Statement, undefined>) {
    this.#statement = statement
    this.#more = more
  }

  /** The token `ahead` places further, without consuming it. */
  peek(ahead = 0): Token | undefined {
    while (this.#more && this.#at + ahead >= this.#statement.tokens.length) {
      const line = this.#more.next().value
      if (line === undefined) break
      // What is consumed is let go.
      this.#statement = { tokens: [...this.#statement.tokens.slice(this.#at), ...line.tokens], end: line.end }
      this.#at = 0
    }
    return this.#statement.tokens[this.#at + ahead]
  }

  next(): Token | undefined {
    const token = this.peek()
    this.#at++
    return token
  }

  skip(count: number): void {
    this.#at += count
  }

  /** True if the next tokens are these texts. */
  looksAt(...texts: readonly string[]): boolean {
    return texts.every((text, index) => this.peek(index)?.text === text)
  }

  /** Consumes these texts if they are next. */
  accept(...texts: readonly string[]): boolean {
    if (!this.looksAt(...texts)) return false
    this.#at += texts.length
    return true
  }

  expect(...texts: readonly string[]): void {
    for (const text of texts) if (!this.accept(text)) this.unexpected(`\`${text}\``)
  }

  /** Refuses the next token. */
  unexpected(...expected: readonly string[]): never {
    const token = this.peek()
    this.fail(
      'UNEXPECTED',
      token,
      token ? `\`${token.text}\` has no place here` : 'line ends too early',
      expected,
    )
  }

  fail(
    code: AssemblyErrorCode,
    token: Token | undefined,
    fact: string,
    expected: readonly string[] = [],
  ): never {
    throw new AssemblyError(code, token ?? this.#statement.end, token?.text ?? '', fact, expected)
  }

  end(): void {
    if (this.peek() !== undefined) this.unexpected('end of line')
  }

  /** A number with an optional sign, from `min` to `max`. */
  integer(what: string, min: bigint, max: bigint): bigint {
    const first = this.peek()
    const negative = first?.text === '-'
    if (negative || first?.text === '+') this.#at++
    const token = this.peek()
    if (token?.kind !== 'number') this.unexpected(what)
    this.#at++
    if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(token.text)) {
      this.fail('BAD_NUMBER', token, `\`${token.text}\` is no number`, [
        'decimal digits',
        '0x and hex digits',
      ])
    }
    // A text of megabytes of digits must not cost quadratic time.
    const magnitude = token.text.length > 64 ? 1n << 256n : BigInt(token.text)
    const value = negative ? -magnitude : magnitude
    if (value < min || value > max) {
      const shown = `${negative ? '-' : ''}${token.text}`
      this.fail('OUT_OF_RANGE', token, `${shown} is no ${what}: it must be from ${min} to ${max}`)
    }
    return value
  }

  /** True if a number, signed or not, is next. */
  atNumber(): boolean {
    const token = this.peek()
    return token?.kind === 'number' || (/^[+-]$/.test(token?.text ?? '') && this.peek(1)?.kind === 'number')
  }

  /** A signed 32-bit field; unsigned notation is taken as the same bits. */
  imm32(): number {
    return Number(BigInt.asIntN(32, this.integer('32-bit immediate', -(2n ** 31n), 2n ** 32n - 1n)))
  }

  off16(): number {
    return Number(this.integer('16-bit offset', -(2n ** 15n), 2n ** 15n - 1n))
  }
}
