import type { AddressType, Arithmetic, Direction, Id, Node, Qualifier } from './ast.ts'
import { hintFor } from './hints.ts'
import { isProtocol } from './keywords.ts'
import type { Token } from './lexer.ts'
import {
  atOperator,
  beginsArithmetic,
  GLUED_MINUS,
  hasGluedMinus,
  parseArithmetic,
} from './parse-arithmetic.ts'
import { parsePrimitive, takeRelation } from './parse-primitive.ts'
import type { Protocol } from './protocols.ts'
import { TokenStream } from './token-stream.ts'

/**
 * What a word or a parenthesis turned out to be. An `id` is an address that takes its qualifiers from what stands before it;
 * a `value` is arithmetic that nothing has been compared with.
 */
type Item = Clause | { readonly is: 'value'; readonly value: Arithmetic }

interface Clause {
  readonly is: 'term' | 'id'
  readonly node: Node
  /** What an address behind it takes over. */
  readonly qualifier: Qualifier | undefined
  /** In parentheses. */
  readonly grouped: boolean
  /** How deep the tree is. */
  readonly depth: number
}

const STATIONS: readonly string[] = ['addr1', 'addr2', 'addr3', 'addr4', 'ra', 'ta']
const TYPES: readonly string[] = ['host', 'net', 'port', 'portrange']
const LONE_TYPES: readonly string[] = ['proto', 'protochain', 'gateway']

/** How deep the tree of an expression may be: every change between `and` and `or` is one level. */
export const DEEPEST_TREE = 500

/**
 * The tree of an expression, undefined for an empty one. The grammar is that of libpcap 1.10, `vxlan` added: `and` and `or`
 * bind alike, from left to right; an address without qualifiers takes those of the address before it.
 * @throws FilterError
 */
export function parseExpression(text: string): Node | undefined {
  const stream = new TokenStream(text)
  if (stream.atEnd) return undefined
  const item = parseList(stream, undefined, false)
  if (item.is === 'value') return asClause(stream, item, undefined).node
  if (!stream.atEnd) stream.fail("'and', 'or' or the end of the expression", behind(stream))
  return item.node
}

/** What to write where something follows that does not. */
function behind(stream: TokenStream): string | undefined {
  const { kind } = stream.next
  if (kind === 'mac') return "write 'ether host' before an address of the link layer"
  if (stream.isSign(')')) return "there is no '(' for it"
  return stream.isSign(':') ? "a range is written with '-': portrange 6000-6008" : undefined
}

/** Items with `and` and `or` between. In parentheses (`inside`), the items may be addresses alone, or a value. */
function parseList(stream: TokenStream, before: Qualifier | undefined, inside: boolean): Item {
  const first = parseItem(stream, before)
  if (first.is === 'value' && (first.value.kind !== 'number' || !stream.isWord('and', 'or'))) return first
  let clause = asClause(stream, first, before)
  const { is } = clause
  if (is === 'id' && !inside) refuseUnqualified(stream, clause.node)
  if (is === 'id' && clause.grouped) {
    stream.refuse('SYNTAX', clause.node.span, 'a list of addresses cannot begin with a list', {
      mend: 'leave these parentheses out, or write this list last',
    })
  }
  let joined: { readonly kind: 'and' | 'or'; readonly items: Node[] } | undefined
  while (stream.isWord('and', 'or')) {
    const kind = stream.take().text as 'and' | 'or'
    const next = asClause(stream, parseItem(stream, clause.qualifier), clause.qualifier)
    if (is === 'id' && next.is !== 'id') {
      stream.refuse('SYNTAX', next.node.span, 'in a list of addresses can only be addresses', {
        mend: 'close the parenthesis before it',
      })
    }
    const same = joined?.kind === kind
    const items: Node[] = same ? joined!.items : [clause.node, next.node]
    if (same) items.push(next.node)
    else joined = { kind, items }
    const start = items[0]!.span.offset
    const end = next.node.span.offset + next.node.span.length
    clause = {
      is,
      node: { kind, items, span: { offset: start, length: end - start } },
      qualifier: next.qualifier,
      grouped: false,
      depth: deeper(
        stream,
        same ? Math.max(clause.depth - 1, next.depth) : Math.max(clause.depth, next.depth),
      ),
    }
  }
  return clause
}

function deeper(stream: TokenStream, depth: number): number {
  if (depth >= DEEPEST_TREE) {
    stream.refuse('TOO_DEEP', stream.next, `'and' and 'or' take turns more than ${DEEPEST_TREE} times`, {
      mend: 'put parentheses around what belongs together',
    })
  }
  return depth + 1
}

function asClause(stream: TokenStream, item: Item, qualifier: Qualifier | undefined): Clause {
  if (item.is !== 'value') return item
  if (item.value.kind !== 'number') return stream.fail('a comparison, as in len > 100')
  return idClause(stream, { form: 'number', value: item.value.value, span: item.value.span }, qualifier)
}

function idClause(stream: TokenStream, id: Id, qualifier: Qualifier | undefined): Clause {
  if (qualifier === undefined) {
    const word = stream.text.slice(id.span.offset, id.span.offset + id.span.length)
    stream.refuse('BAD_QUALIFIER', id.span, `'${word}' is without a qualifier`, {
      mend: qualifierFor(stream, id),
    })
  }
  return { is: 'id', node: { kind: 'id', qualifier, id, span: id.span }, qualifier, grouped: false, depth: 1 }
}

function refuseUnqualified(stream: TokenStream, node: Node): never {
  return stream.refuse('BAD_QUALIFIER', node.span, 'an address is without a qualifier', {
    mend: "write 'host', 'net', 'port' or another qualifier before it",
  })
}

function qualifierFor(stream: TokenStream, id: Id): string {
  const word = stream.text.slice(id.span.offset, id.span.offset + id.span.length)
  switch (id.form) {
    case 'number':
      return `write 'port ${word}' for a port`
    case 'mac':
    case 'arcnet':
      return `write 'ether host ${word}'`
    case 'name': {
      if (hasGluedMinus(word)) return GLUED_MINUS
      return hintFor(word) ?? `write 'host ${word}' or 'port ${word}'`
    }
    default:
      return id.prefix === undefined && !(id.form === 'ipv4' && id.mask)
        ? `write 'host ${word}'`
        : `write 'net ${word}'`
  }
}

function parseItem(stream: TokenStream, before: Qualifier | undefined): Item {
  const token = stream.next
  if (stream.isSign('!')) {
    stream.take()
    const inner = asClause(
      stream,
      stream.nested(() => parseItem(stream, before)),
      before,
    )
    const node: Node = { kind: 'not', item: inner.node, span: stream.spanFrom(token) }
    return { ...inner, node, grouped: false, depth: deeper(stream, inner.depth) }
  }
  if (stream.isSign('(')) {
    stream.take()
    const inner = stream.nested(() => parseList(stream, before, true))
    if (!stream.isSign(')')) stream.fail(inner.is === 'value' ? "')' or a comparison" : "')', 'and' or 'or'")
    stream.take()
    if (inner.is !== 'value') return { ...inner, qualifier: before, grouped: true }
    return finishValue(stream, inner.value)
  }
  if (beginsArithmetic(token, stream.second)) return finishValue(stream)
  const id = takeId(stream)
  if (id !== undefined) return idClause(stream, id, before)
  return parseTerm(stream)
}

/** A value, or the comparison that it is the left side of; `first` is its first operand, if that has been read already. */
function finishValue(stream: TokenStream, first?: Arithmetic): Item {
  const left = first === undefined || atOperator(stream) ? parseArithmetic(stream, first) : first
  const relation = takeRelation(stream)
  if (relation === undefined) return { is: 'value', value: left }
  const right = parseArithmetic(stream)
  const node: Node = { kind: 'relation', relation, left, right, span: stream.spanFrom(left.span) }
  return { is: 'term', node, qualifier: undefined, grouped: false, depth: 1 }
}

/** The address that comes next, if one does. */
function takeId(stream: TokenStream): Id | undefined {
  const token = stream.next
  switch (token.kind) {
    case 'name':
      stream.take()
      return { form: 'name', text: token.text, span: spanOf(token) }
    case 'mac':
    case 'arcnet':
      stream.take()
      return { form: token.kind, text: token.text, span: spanOf(token) }
    case 'ipv4': {
      stream.take()
      let prefix: number | undefined
      let mask: string | undefined
      if (stream.takeSign('/')) prefix = stream.needNumber('the length of the prefix').value
      else if (stream.isWord('mask')) {
        stream.take()
        if (stream.next.kind !== 'ipv4') stream.fail('a mask, as in 255.255.255.0')
        mask = stream.take().text
      }
      return { form: 'ipv4', text: token.text, prefix, mask, span: stream.spanFrom(token) }
    }
    case 'ipv6': {
      stream.take()
      const prefix = stream.takeSign('/') ? stream.needNumber('the length of the prefix').value : undefined
      return { form: 'ipv6', text: token.text, prefix, span: stream.spanFrom(token) }
    }
    default:
      return undefined
  }
}

const spanOf = ({ offset, length }: Token): { offset: number; length: number } => ({ offset, length })

function parseTerm(stream: TokenStream): Item {
  const start = stream.next
  let protocol: Protocol | undefined
  if (start.kind === 'word' && isProtocol(start.text)) {
    stream.take()
    protocol = start.text
  }
  const direction = takeDirection(stream)
  const type = takeType(stream, direction !== undefined)
  if (direction !== undefined || type !== undefined) {
    return qualified(stream, { protocol, direction, type, span: stream.spanFrom(start) })
  }
  const node = parsePrimitive(stream, start, protocol)
  return { is: 'term', node, qualifier: undefined, grouped: false, depth: 1 }
}

function takeDirection(stream: TokenStream): Direction | undefined {
  if (stream.next.kind !== 'word') return undefined
  if (STATIONS.includes(stream.next.text)) return stream.take().text as Direction
  if (!stream.isWord('src', 'dst')) return undefined
  const first = stream.take().text as 'src' | 'dst'
  const other = first === 'src' ? 'dst' : 'src'
  const follows = stream.second?.kind === 'word' && stream.second.text === other
  if (!follows || !stream.isWord('and', 'or')) return first
  const joined = stream.take().text
  stream.take()
  return joined === 'and' ? 'src and dst' : 'src or dst'
}

function takeType(stream: TokenStream, afterDirection: boolean): AddressType | undefined {
  const { kind, text } = stream.next
  if (kind !== 'word') return undefined
  if (!TYPES.includes(text) && (afterDirection || !LONE_TYPES.includes(text))) return undefined
  stream.take()
  return text as AddressType
}

/** The address or list of addresses behind qualifiers. */
function qualified(stream: TokenStream, qualifier: Qualifier): Item {
  const expected = EXPECTED[qualifier.type ?? 'host']
  const token = stream.next
  if (token.kind === 'word') {
    const word = stream.text.slice(token.offset, token.offset + token.length)
    stream.fail(expected, `write \\${word} if it is a name`)
  }
  if (token.kind === 'end') stream.fail(expected)
  const item = parseItem(stream, qualifier)
  if (item.is === 'value' && item.value.kind !== 'number')
    stream.refuse('SYNTAX', item.value.span, 'this is no address', { expected })
  const clause = asClause(stream, item, qualifier)
  if (clause.is === 'term') stream.refuse('SYNTAX', clause.node.span, 'this is no address', { expected })
  return { ...clause, is: 'term', qualifier, grouped: false }
}

const EXPECTED: Readonly<Record<AddressType, string>> = {
  host: 'an address or the name of a host',
  net: 'a network: its name, or an address such as 10.0.0.0/8',
  port: 'a port: its number or the name of a service',
  portrange: 'ports, as in 6000-6008',
  gateway: 'the name of a gateway',
  proto: 'the number or the name of a protocol',
  protochain: 'the number or the name of a protocol',
}
