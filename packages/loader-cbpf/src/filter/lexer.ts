import { FilterError } from './filter-error.ts'
import { hintForCharacter } from './hints.ts'
import { CONSTANTS, KEYWORDS } from './keywords.ts'

/**
 * `word`: a keyword; `name`: any other word; `ipv4`: two to four numbers with dots between; `sign`: punctuation; `end`: after
 * the last word.
 */
export type TokenKind = 'word' | 'sign' | 'number' | 'name' | 'ipv4' | 'ipv6' | 'mac' | 'arcnet' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The canonical spelling of a keyword or sign; a name without its backslash; an address as it is written. */
  readonly text: string
  /** Of a number. */
  readonly value: number
  readonly offset: number
  /** Of the text as it is written. */
  readonly length: number
}

/** The longest expression that is read, in UTF-16 units. */
export const LONGEST_EXPRESSION: number = 1 << 16

const BYTE = '[0-9A-Fa-f]{1,2}'
const MAC = new RegExp(
  `${[':', '-', '\\.'].map((sign) => `${BYTE}(?:${sign}${BYTE}){5}`).join('|')}|` +
    '[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12}',
  'y',
)
const ARCNET = /\$[0-9A-Fa-f]{1,2}/y
const NUMBER_TEXT = '(?:0[xX][0-9A-Fa-f]+|[0-9]+)'
const NUMBER = new RegExp(NUMBER_TEXT, 'y')
const IPV4 = new RegExp(`${NUMBER_TEXT}(?:\\.${NUMBER_TEXT}){1,3}`, 'y')
/** Bytes with colons between, and one behind: nothing that means anything. */
const HALF_MAC = new RegExp(`${BYTE}:+(?:${BYTE}:+)+`, 'y')
const HEX_DIGITS = /[0-9A-Fa-f]*/y
const NAME = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y
const ESCAPED = /\\[^ !()\n\t]+/y
const SIGN = /&&|\|\||[><=!]=|<<|>>|[+\-*/%:[\]!<>()&|^=]/y
const SPACE = /[ \r\n\t]*/y

const SIGN_WORDS: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or' }
const SIGN_SYNONYMS: Readonly<Record<string, string>> = { '==': '=' }

/** No IPv6 address is longer, with an IPv4 address of four numbers of ten digits at its end. */
const LONGEST_IPV6 = 80
const IPV6_START = /[0-9A-Fa-f]{0,4}:[0-9A-Fa-fxX:.]*/y
const IPV6_GROUP = /^[0-9A-Fa-f]{1,4}$/
const IPV4_WHOLE = new RegExp(`^${NUMBER_TEXT}(?:\\.${NUMBER_TEXT}){3}$`)

/** Whether the text has the form of an IPv6 address; the numbers of an IPv4 address at its end may still be wrong. */
function isIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const mapped = last?.includes('.') === true && !text.endsWith('::')
  if (mapped) {
    if (!IPV4_WHOLE.test(last)) return false
    groups.pop()
  }
  if (!groups.every((group) => IPV6_GROUP.test(group))) return false
  const room = mapped ? 6 : 8
  return halves.length === 2 ? groups.length < room : groups.length === room
}

/** The length of the longest IPv6 address at `offset`; 0 where there is none. */
function ipv6Length(text: string, offset: number): number {
  IPV6_START.lastIndex = offset
  const run = IPV6_START.exec(text)?.[0]
  if (run === undefined) return 0
  for (let length = Math.min(run.length, LONGEST_IPV6); length >= 2; length -= 1) {
    if (isIpv6(run.slice(0, length))) return length
  }
  return 0
}

function matchLength(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset
  return pattern.exec(text)?.[0].length ?? 0
}

/** The longest wins; of equally long ones, the first. */
const FORMS: readonly { readonly kind: TokenKind | 'half-mac' | 'escaped'; readonly pattern: RegExp }[] = [
  { kind: 'sign', pattern: SIGN },
  { kind: 'arcnet', pattern: ARCNET },
  { kind: 'mac', pattern: MAC },
  { kind: 'number', pattern: NUMBER },
  { kind: 'ipv4', pattern: IPV4 },
  { kind: 'half-mac', pattern: HALF_MAC },
  { kind: 'name', pattern: NAME },
  { kind: 'escaped', pattern: ESCAPED },
]

/**
 * The words of an expression, the last one of kind `end`.
 * @throws FilterError
 */
export function tokenize(text: string): Token[] {
  if (text.length > LONGEST_EXPRESSION) {
    throw new FilterError(
      'TOO_LONG',
      text.slice(0, 200),
      { offset: 0, length: 0 },
      'the expression is too long',
      {
        mend: `at most ${LONGEST_EXPRESSION} characters are read`,
      },
    )
  }
  const tokens: Token[] = []
  for (let offset = matchLength(SPACE, text, 0); offset < text.length; ) {
    const token = tokenAt(text, offset)
    tokens.push(token)
    offset += token.length
    offset += matchLength(SPACE, text, offset)
  }
  tokens.push({ kind: 'end', text: '', value: 0, offset: text.length, length: 0 })
  return tokens
}

function tokenAt(text: string, offset: number): Token {
  let length = 0
  let kind: (typeof FORMS)[number]['kind'] | undefined
  for (const form of FORMS) {
    const found = matchLength(form.pattern, text, offset)
    if (found > length) {
      length = found
      kind = form.kind
    }
  }
  const six = ipv6Length(text, offset)
  if (six > length || (six === length && six > 0 && kind === 'half-mac')) {
    length = six
    kind = 'ipv6'
  }
  const written = text.slice(offset, offset + length)
  const token = (tokenKind: TokenKind, word: string, value = 0): Token => ({
    kind: tokenKind,
    text: word,
    value,
    offset,
    length,
  })
  switch (kind) {
    case undefined: {
      const character = String.fromCodePoint(text.codePointAt(offset)!)
      throw new FilterError(
        'UNEXPECTED_CHARACTER',
        text,
        { offset, length: character.length },
        `no word of a filter begins with ${JSON.stringify(character)}`,
        { mend: hintForCharacter(character) },
      )
    }
    case 'half-mac': {
      const whole = length + matchLength(HEX_DIGITS, text, offset + length)
      throw new FilterError(
        'BAD_ADDRESS',
        text,
        { offset, length: whole },
        `'${text.slice(offset, offset + whole)}' is no MAC or IPv6 address`,
        {
          mend: 'a MAC address has six bytes, as in 02:00:5e:00:53:01',
        },
      )
    }
    case 'escaped':
      return token('name', written.slice(1))
    case 'number':
      return token('number', written, numberValue(text, offset, written))
    case 'sign': {
      const word = SIGN_WORDS[written]
      return word === undefined ? token('sign', SIGN_SYNONYMS[written] ?? written) : token('word', word)
    }
    case 'name': {
      const word = KEYWORDS.get(written)
      if (word === 'not') return token('sign', '!')
      if (word !== undefined) return token('word', word)
      const value = CONSTANTS.get(written)
      return value === undefined ? token('name', written) : token('number', written, value)
    }
    default:
      return token(kind, written)
  }
}

function numberValue(text: string, offset: number, written: string): number {
  const span = { offset, length: written.length }
  const octal = /^0[0-9]/.test(written)
  if (octal && /[89]/.test(written)) {
    throw new FilterError('BAD_NUMBER', text, span, `${written} begins with 0, so it is octal`, {
      expected: 'digits from 0 to 7',
      mend: `write ${written.replace(/^0+/, '')} for the decimal number`,
    })
  }
  const value = octal ? Number.parseInt(written, 8) : Number(written)
  if (value > 0xffff_ffff) {
    throw new FilterError('BAD_NUMBER', text, span, `${written} does not fit 32 bits`, {
      expected: 'at most 4294967295',
    })
  }
  return value
}
