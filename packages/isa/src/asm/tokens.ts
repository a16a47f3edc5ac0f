import { AssemblyError, type TextPosition } from './error.ts'

export type TokenKind = 'word' | 'number' | 'helper' | 'punctuation'

export interface Token extends TextPosition {
  readonly kind: TokenKind
  readonly text: string
}

/** The tokens of one line that has any. */
export interface Statement {
  readonly tokens: readonly Token[]
  /** Where the line ends, for errors about what is missing. */
  readonly end: TextPosition
}

export interface TokenRules {
  /** Matches a comment that runs to the end of the line. */
  readonly lineComment: RegExp
  /** Matches an operator; longest first. */
  readonly punctuation: RegExp
}

const SPACE = /[ \t\r\f\v]+/y
const WORD = /[A-Za-z_.$][\w.$]*/y
const NUMBER = /[0-9]\w*/y
/** A helper as the kernel prints it after `call`: `bpf_map_lookup_elem#1`. */
const HELPER = /(?:[A-Za-z_][\w-]*)?#-?[0-9]+/y
/** A register with assembler's percent sign: `%r1`. */
const PERCENT = /%(?=[A-Za-z])/y

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/**
 * Splits a text into lines of tokens, one line at a time; comments and blank lines are gone.
 *
 * @throws AssemblyError `BAD_CHARACTER` or `UNTERMINATED_COMMENT`, when the line is asked for
 */
export function* tokenize(text: string, rules: TokenRules): Generator<Statement, undefined> {
  let tokens: Token[] = []
  let line = 1
  let lineStart = 0
  let at = 0
  const position = (): TextPosition => ({ line, column: at - lineStart + 1 })
  const endLine = (): Statement[] => {
    const statement = { tokens, end: position() }
    tokens = []
    return statement.tokens.length > 0 ? [statement] : []
  }
  const newLine = (): void => {
    line++
    lineStart = at
  }
  const take = (kind: TokenKind, word: string): void => {
    tokens.push({ kind, text: word, ...position() })
    at += word.length
  }
  while (at < text.length) {
    if (text[at] === '\n') {
      yield* endLine()
      at++
      newLine()
      continue
    }
    if (text.startsWith('/*', at)) {
      const opened = position()
      const close = text.indexOf('*/', at + 2)
      if (close < 0) throw new AssemblyError('UNTERMINATED_COMMENT', opened, '/*', 'comment /* has no */')
      while (at < close) if (text[at++] === '\n') newLine()
      at = close + 2
      continue
    }
    const space = match(SPACE, text, at)
    if (space !== undefined) {
      at += space.length
      continue
    }
    const helper = tokens.at(-1)?.text === 'call' ? match(HELPER, text, at) : undefined
    if (helper !== undefined) {
      take('helper', helper)
      continue
    }
    if (match(rules.lineComment, text, at) !== undefined) {
      const end = text.indexOf('\n', at)
      if (end < 0) break
      at = end
      continue
    }
    const operator = match(rules.punctuation, text, at)
    if (operator !== undefined) {
      take('punctuation', operator)
      continue
    }
    const percent = match(PERCENT, text, at)
    if (percent !== undefined) {
      at++
      continue
    }
    const word = match(WORD, text, at)
    if (word !== undefined) {
      take('word', word)
      continue
    }
    const number = match(NUMBER, text, at)
    if (number !== undefined) {
      take('number', number)
      continue
    }
    const character = String.fromCodePoint(text.codePointAt(at)!)
    const shown = JSON.stringify(character)
    throw new AssemblyError('BAD_CHARACTER', position(), character, `character ${shown} has no meaning here`)
  }
  yield* endLine()
  return undefined
}
