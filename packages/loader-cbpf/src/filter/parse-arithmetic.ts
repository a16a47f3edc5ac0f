import type { Arithmetic } from './ast.ts'
import { constantFor } from './hints.ts'
import type { ArithmeticOperator } from './ir.ts'
import { isProtocol } from './keywords.ts'
import type { Token } from './lexer.ts'
import type { TokenStream } from './token-stream.ts'

interface Operator {
  readonly operator: ArithmeticOperator
  /** How strongly it binds; undefined: whatever follows it belongs to its right side. */
  readonly strength: number | undefined
}

/** The grammar of libpcap gives % and ^ no precedence, so that they take in all that follows: a % b + c is a % (b + c). */
const OPERATORS: Readonly<Record<string, Operator>> = {
  '|': { operator: 'or', strength: 1 },
  '&': { operator: 'and', strength: 2 },
  '<<': { operator: 'lsh', strength: 3 },
  '>>': { operator: 'rsh', strength: 3 },
  '+': { operator: 'add', strength: 4 },
  '-': { operator: 'sub', strength: 4 },
  '*': { operator: 'mul', strength: 5 },
  '/': { operator: 'div', strength: 5 },
  '%': { operator: 'mod', strength: undefined },
  '^': { operator: 'xor', strength: undefined },
}

const NEGATION_STRENGTH = 6

const operatorAt = (token: Token): Operator | undefined =>
  token.kind === 'sign' && Object.hasOwn(OPERATORS, token.text) ? OPERATORS[token.text] : undefined

/** Whether an arithmetic operator comes next. */
export const atOperator = (stream: TokenStream): boolean => operatorAt(stream.next) !== undefined

/** Whether the next words begin arithmetic, a parenthesis left aside; `following` is the word after the next. */
export const beginsArithmetic = (token: Token, following: Token | undefined): boolean =>
  token.kind === 'number' ||
  (token.kind === 'word' && token.text === 'len') ||
  (token.kind === 'sign' && token.text === '-') ||
  (token.kind === 'word' && isProtocol(token.text) && following?.kind === 'sign' && following.text === '[')

type Pending =
  | {
      readonly left: Arithmetic
      readonly operator: ArithmeticOperator
      readonly strength: number | undefined
    }
  | { readonly minus: Token; readonly strength: number }

/** Reads arithmetic; `first` is its first operand, if that has been read already. */
export function parseArithmetic(stream: TokenStream, first?: Arithmetic): Arithmetic {
  return stream.nested(() => {
    const pending: Pending[] = []
    let value = first ?? operand(stream, pending)
    for (let operators = 0; ; operators += 1) {
      const next = operatorAt(stream.next)
      value = reduce(pending, value, next?.strength, next !== undefined)
      if (next === undefined) return value
      limit(stream, operators + 1)
      stream.take()
      pending.push({ left: value, ...next })
      value = operand(stream, pending)
    }
  })
}

/** Puts together what binds more strongly than the operator that follows. */
function reduce(
  pending: Pending[],
  right: Arithmetic,
  following: number | undefined,
  more: boolean,
): Arithmetic {
  let value = right
  for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
    if (more && (following === undefined || top.strength === undefined || following > top.strength)) break
    pending.pop()
    const end = value.span.offset + value.span.length
    if ('minus' in top) {
      const offset = top.minus.offset
      value = { kind: 'neg', value, span: { offset, length: end - offset } }
    } else {
      const offset = top.left.span.offset
      const { left, operator } = top
      value = { kind: 'binary', operator, left, right: value, span: { offset, length: end - offset } }
    }
  }
  return value
}

function operand(stream: TokenStream, pending: Pending[]): Arithmetic {
  while (stream.isSign('-')) {
    limit(stream, pending.length)
    pending.push({ minus: stream.take(), strength: NEGATION_STRENGTH })
  }
  const token = stream.next
  if (stream.isSign('(')) {
    stream.take()
    const value = parseArithmetic(stream)
    stream.needSign(')', "')' or an operator")
    return value
  }
  if (token.kind === 'number') {
    stream.take()
    return { kind: 'number', value: token.value, span: { offset: token.offset, length: token.length } }
  }
  if (stream.isWord('len')) {
    stream.take()
    return { kind: 'len', span: { offset: token.offset, length: token.length } }
  }
  if (token.kind === 'word' && isProtocol(token.text)) {
    stream.take()
    return load(stream, token)
  }
  const glued = token.kind === 'name' && hasGluedMinus(token.text)
  const mend = glued ? GLUED_MINUS : token.kind === 'name' ? constantFor(token.text) : undefined
  return stream.fail("a number, 'len' or bytes such as ip[0]", mend)
}

/** Whether a name looks like a subtraction: letters, digits and hyphens make one word. */
export const hasGluedMinus = (name: string): boolean => /^(?:len|length|\d+)-\w/.test(name)

export const GLUED_MINUS = "write spaces around '-'"

/** Operators of one calculation; more are no filter that anyone wrote. */
const MOST_OPERATORS = 200

function limit(stream: TokenStream, operators: number): void {
  if (operators > MOST_OPERATORS) {
    stream.refuse('TOO_DEEP', stream.next, `a calculation has more than ${MOST_OPERATORS} operators`)
  }
}

/** What follows the protocol of `protocol[index:size]`. */
function load(stream: TokenStream, protocol: Token): Arithmetic {
  if (!isProtocol(protocol.text)) throw new Error('not a protocol')
  stream.needSign('[', "'[' and the offset of a byte")
  const index = parseArithmetic(stream)
  let size = 1
  let sizeSpan = { offset: protocol.offset, length: protocol.length }
  if (stream.takeSign(':')) {
    const token = stream.needNumber('the number of bytes: 1, 2 or 4')
    size = token.value
    sizeSpan = { offset: token.offset, length: token.length }
  }
  stream.needSign(']', "']' or an operator")
  return { kind: 'load', protocol: protocol.text, index, size, sizeSpan, span: stream.spanFrom(protocol) }
}
