import type { Arithmetic, Relation } from './ast.ts'
import type { FilterBuilder, Origin } from './builder.ts'
import { all, constant, equals, not, TRUE } from './conditions.ts'
import { operate } from './evaluate.ts'
import { FilterError } from './filter-error.ts'
import { carries } from './generate-link-type.ts'
import { firstFragment, isProtocolPacket } from './generate-transport.ts'
import type { ArithmeticOperator, FilterCondition, FilterValue } from './ir.ts'
import { ETHER, IP_PROTO, PROTOCOLS, type ProtocolEntry } from './protocols.ts'

/** A value, and what must hold of the packet before it is loaded. */
interface Calculated {
  readonly value: FilterValue
  readonly guard: FilterCondition
}

/** A comparison; it does not hold where a protocol that it looks into is not there. */
export function relate(
  builder: FilterBuilder,
  relation: Relation,
  left: Arithmetic,
  right: Arithmetic,
): FilterCondition {
  const a = calculate(builder, left)
  const b = calculate(builder, right)
  return all(a.guard, b.guard, comparison(relation, a.value, b.value))
}

function comparison(relation: Relation, left: FilterValue, right: FilterValue): FilterCondition {
  switch (relation) {
    case '=':
      return equal(left, right)
    case '!=':
      return not(equal(left, right))
    case '>':
      return { op: 'gt', left, right }
    case '<=':
      return not({ op: 'gt', left, right })
    case '>=':
      return { op: 'ge', left, right }
    case '<':
      return not({ op: 'ge', left, right })
  }
}

/** The difference is 0: which branches libpcap's optimiser moves depends on it. */
const equal = (left: FilterValue, right: FilterValue): FilterCondition => ({
  op: 'eq',
  left: { op: 'sub', left, right },
  right: constant(0),
})

function calculate(builder: FilterBuilder, expression: Arithmetic): Calculated {
  switch (expression.kind) {
    case 'number':
      return { value: constant(expression.value), guard: TRUE }
    case 'len':
      return { value: { op: 'length' }, guard: TRUE }
    case 'neg': {
      const { value, guard } = calculate(builder, expression.value)
      return { value: { op: 'neg', value }, guard }
    }
    case 'binary':
      return binary(builder, expression)
    case 'load':
      return load(builder, expression)
  }
}

function binary(builder: FilterBuilder, expression: Extract<Arithmetic, { kind: 'binary' }>): Calculated {
  const { operator } = expression
  const left = calculate(builder, expression.left)
  const right = calculate(builder, expression.right)
  const value: FilterValue = { op: operator, left: left.value, right: right.value }
  checkRight(builder, expression, value)
  // As in libpcap, what the right side looks into need not be there: 1 + tcp[0] is the byte behind any header.
  return { value, guard: left.guard }
}

/** What a calculation of numbers alone comes to. It stays one until branches have been moved, as in libpcap. */
function constantOf(value: FilterValue): number | undefined {
  if (value.op === 'constant') return value.value
  if (value.op === 'neg') {
    const inner = constantOf(value.value)
    return inner === undefined ? undefined : -inner >>> 0
  }
  if (!('left' in value)) return undefined
  const [left, right] = [constantOf(value.left), constantOf(value.right)]
  return left === undefined || right === undefined ? undefined : operate(value.op, left, right)
}

/** The number that a calculation begins with: for a load, that of its index. */
function firstNumber(expression: Arithmetic): number | undefined {
  switch (expression.kind) {
    case 'number':
      return expression.value
    case 'len':
      return undefined
    case 'neg':
      return firstNumber(expression.value)
    case 'load':
      return firstNumber(expression.index)
    case 'binary':
      return firstNumber(expression.left)
  }
}

/**
 * No division by a constant 0, no shift by a constant of more than 31. libpcap looks at the first number of the right side
 * alone, so that it refuses len / ip[0], too.
 */
function checkRight(
  builder: FilterBuilder,
  { operator, right }: Extract<Arithmetic, { kind: 'binary' }>,
  result: Extract<FilterValue, { readonly op: ArithmeticOperator }>,
): void {
  const division = operator === 'div' || operator === 'mod'
  if (!division && operator !== 'lsh' && operator !== 'rsh') return
  const wrong = (number: number | undefined): boolean =>
    number !== undefined && (division ? number === 0 : number > 31)
  const expected = division ? undefined : '0 to 31'
  const first = firstNumber(right)
  if (right.kind !== 'number' && wrong(first)) {
    const fact = `${division ? 'a divisor' : 'a shift count'} that begins with ${first} is refused by libpcap, too`
    builder.refuse('BAD_VALUE', right.span, fact, { expected, mend: 'put another term first' })
  }
  const value = constantOf(result.right)
  if (!wrong(value)) return
  const fact = division ? 'a division by 0' : `a shift by ${value}`
  const error = new FilterError('BAD_VALUE', builder.text, right.span, fact, { expected })
  if (right.kind === 'number') throw error
  // libpcap's optimiser finds this out, if no moved branch passes it.
  builder.refusals.set(result, error)
}

const isSize = (size: number): size is 1 | 2 | 4 => size === 1 || size === 2 || size === 4

const ORIGINS: Readonly<Record<NonNullable<ProtocolEntry['index']>, Origin>> = {
  radio: 'packet',
  link: 'header',
  network: 'network',
  'ipv4-payload': 'ipv4 payload',
  'ipv6-payload': 'ipv6 payload',
}

function load(builder: FilterBuilder, expression: Extract<Arithmetic, { kind: 'load' }>): Calculated {
  const { protocol, size, span } = expression
  const index = calculate(builder, expression.index)
  if (!isSize(size)) {
    return builder.refuse('BAD_VALUE', expression.sizeSpan, `${size} bytes cannot be loaded at once`, {
      expected: '1, 2 or 4',
    })
  }
  const word = { offset: span.offset, length: protocolLength(builder.text, span.offset) }
  const kind = PROTOCOLS[protocol].index
  if (kind === undefined) {
    return builder.refuse('BAD_QUALIFIER', word, `bytes of '${protocol}' cannot be loaded`, {
      expected: "'link', 'ip', 'ip6', 'tcp', 'udp', 'icmp' or another protocol with a place of its own",
    })
  }
  if (kind === 'radio' && !['avs', 'radiotap', 'prism'].includes(builder.state.link.radio ?? '')) {
    builder.refuse('UNSUPPORTED', word, `${builder.state.link.name} has no radio header`)
  }
  const guard = guardOf(builder, kind, expression, index.guard, word)
  return { value: builder.load(ORIGINS[kind], 0, size, index.value), guard }
}

const protocolLength = (text: string, offset: number): number => {
  const end = text.slice(offset, offset + 20).search(/[^A-Za-z0-9-]/)
  return end < 0 ? text.length - offset : end
}

function guardOf(
  builder: FilterBuilder,
  kind: NonNullable<ProtocolEntry['index']>,
  expression: Extract<Arithmetic, { kind: 'load' }>,
  inner: FilterCondition,
  word: { offset: number; length: number },
): FilterCondition {
  const packet = (): FilterCondition => isProtocolPacket(builder, expression.protocol, word)
  switch (kind) {
    case 'radio':
    case 'link':
      return inner
    case 'network':
      return all(inner, packet())
    case 'ipv6-payload':
      return all(
        inner,
        carries(builder, ETHER.IP6, word),
        equals(builder.load('network', 6, 1), IP_PROTO.ICMP6),
      )
    case 'ipv4-payload': {
      const ip = carries(builder, ETHER.IP, word)
      return all(ip, inner, packet(), firstFragment(builder))
    }
  }
}
