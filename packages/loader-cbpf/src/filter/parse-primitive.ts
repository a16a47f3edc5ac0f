import type { ByteOperator, Encapsulation, Node, Relation } from './ast.ts'
import type { Token } from './lexer.ts'
import {
  llcControl,
  pfAction,
  pfReason,
  WLAN_SUBTYPE_MASK,
  WLAN_TYPE_MASK,
  wlanDirection,
  wlanSubtype,
  wlanType,
  wlanTypeOfSubtype,
} from './parse-words.ts'
import type { Protocol } from './protocols.ts'
import type { TokenStream } from './token-stream.ts'

const RELATIONS: readonly string[] = ['>', '>=', '=', '<', '<=', '!=']
const BYTE_OPERATORS: readonly string[] = ['=', '<', '>', '&', '|']

/** The comparison sign that comes next, if one does. */
export function takeRelation(stream: TokenStream): Relation | undefined {
  if (stream.next.kind !== 'sign' || !RELATIONS.includes(stream.next.text)) return undefined
  return stream.take().text as Relation
}

type Read = (stream: TokenStream, start: Token) => Node

/** Primitives that no protocol may stand before, by their first word. */
const PRIMITIVES: Readonly<Record<string, Read>> = {
  less: length,
  greater: length,
  byte,
  inbound: direction,
  outbound: direction,
  ifindex: (stream, start) => ({
    kind: 'ifindex',
    value: stream.needNumber('the index of an interface').value,
    span: stream.spanFrom(start),
  }),
  vlan: encapsulation,
  mpls: encapsulation,
  pppoes: encapsulation,
  geneve: encapsulation,
  vxlan: encapsulation,
  pppoed: (_, start) => ({ kind: 'pppoed', span: start }),
  ifname: pfText('ifname', 'the name of an interface'),
  rset: pfText('ruleset', 'the name of a ruleset'),
  rnr: pfNumber('rulenr', undefined, 'the number of a rule'),
  srnr: pfNumber('subrulenr', undefined, 'the number of a rule'),
  reason: pfNumber('reason', pfReason, "a reason, such as 'match' or 'fragment'"),
  action: pfNumber('action', pfAction, "an action: 'pass', 'block', 'nat', 'rdr', 'binat' or 'scrub'"),
  llc,
  ...Object.fromEntries(
    [
      'lane',
      'metac',
      'bcc',
      'oam',
      'oamf4',
      'oamf4ec',
      'oamf4sc',
      'sc',
      'ilmic',
      'connectmsg',
      'metaconnect',
    ].map((name): [string, Read] => [name, (_, start) => ({ kind: 'atm', name, span: start })]),
  ),
  ...Object.fromEntries(
    ['fisu', 'lssu', 'msu', 'hfisu', 'hlssu', 'hmsu'].map((name): [string, Read] => [
      name,
      (_, start) => ({ kind: 'mtp2', name, span: start }),
    ]),
  ),
  ...Object.fromEntries(['vpi', 'vci'].map((name): [string, Read] => [name, field('atm', name)])),
  ...Object.fromEntries(
    ['sio', 'opc', 'dpc', 'sls', 'hsio', 'hopc', 'hdpc', 'hsls'].map((name): [string, Read] => [
      name,
      field('mtp3', name),
    ]),
  ),
}

/** What is no address: `start` is its first word, and `protocol` the one that has been read, if it is one. */
export function parsePrimitive(stream: TokenStream, start: Token, protocol: Protocol | undefined): Node {
  const token = stream.next
  if (stream.isWord('broadcast', 'multicast')) {
    stream.take()
    const kind = token.text as 'broadcast' | 'multicast'
    return { kind, protocol, span: stream.spanFrom(start) }
  }
  if (stream.isWord('type', 'subtype', 'dir')) {
    stream.take()
    return token.text === 'dir' ? wlanDir(stream, start) : wlanTypes(stream, start, token.text)
  }
  if (protocol !== undefined)
    return { kind: 'protocol', protocol, span: { offset: start.offset, length: start.length } }
  const read =
    token.kind === 'word' && Object.hasOwn(PRIMITIVES, token.text) ? PRIMITIVES[token.text] : undefined
  if (read === undefined)
    return stream.fail("a protocol, a qualifier such as 'host' or 'port', or a comparison")
  stream.take()
  return read(stream, token)
}

function length(stream: TokenStream, start: Token): Node {
  const value = stream.needNumber('a length in bytes').value
  return { kind: start.text as 'less' | 'greater', value, span: stream.spanFrom(start) }
}

function direction(_: TokenStream, start: Token): Node {
  return { kind: start.text as 'inbound' | 'outbound', span: start }
}

function byte(stream: TokenStream, start: Token): Node {
  const index = stream.needNumber('the offset of a byte').value
  if (stream.next.kind !== 'sign' || !BYTE_OPERATORS.includes(stream.next.text))
    stream.fail("'=', '<', '>', '&' or '|'")
  const operator = stream.take().text as ByteOperator
  const value = stream.needNumber('the value of a byte').value
  return { kind: 'byte', index, operator, value, span: stream.spanFrom(start) }
}

function encapsulation(stream: TokenStream, start: Token): Node {
  const id = stream.next.kind === 'number' || stream.isSign('(') ? groupedNumber(stream) : undefined
  return { kind: 'encapsulation', name: start.text as Encapsulation, id, span: stream.spanFrom(start) }
}

/** A number, which may stand in parentheses. */
function groupedNumber(stream: TokenStream): number {
  let opened = 0
  for (; stream.takeSign('('); opened += 1);
  const { value } = stream.needNumber()
  for (; opened > 0; opened -= 1) stream.needSign(')')
  return value
}

function pfText(name: 'ifname' | 'ruleset', expected: string): Read {
  return (stream, start) => {
    if (stream.next.kind !== 'name') stream.fail(expected)
    return { kind: 'pf-text', field: name, text: stream.take().text, span: stream.spanFrom(start) }
  }
}

function pfNumber(
  name: 'rulenr' | 'subrulenr' | 'reason' | 'action',
  names: ((name: string) => number | undefined) | undefined,
  expected: string,
): Read {
  return (stream, start) => {
    const value =
      names === undefined
        ? stream.needNumber(expected).value
        : named(stream, names, expected, name !== 'action')
    return { kind: 'pf-number', field: name, value, span: stream.spanFrom(start) }
  }
}

/** A name of a list of names or, if `numbers`, a number. */
function named<T>(
  stream: TokenStream,
  names: (name: string) => T | undefined,
  expected: string,
  numbers: boolean,
): T | number {
  const token = stream.next
  if (numbers && token.kind === 'number') return stream.take().value
  if (token.kind !== 'name') return stream.fail(expected)
  const value = names(token.text)
  if (value === undefined)
    stream.refuse('UNKNOWN_NAME', token, `'${token.text}' is unknown here`, { expected })
  stream.take()
  return value!
}

function llc(stream: TokenStream, start: Token): Node {
  const { next } = stream
  // rnr is a keyword, because of PF.
  if (next.kind !== 'name' && !stream.isWord('rnr')) return { kind: 'llc', control: undefined, span: start }
  const control = llcControl(next.text)
  if (control === undefined) {
    stream.refuse('UNKNOWN_NAME', next, `'${next.text}' is no type of LLC frames`, {
      expected: 'i, s, u, rr, rnr, rej, ui, ua, disc, dm, sabme, test, xid or frmr',
    })
  }
  stream.take()
  return { kind: 'llc', control, span: stream.spanFrom(start) }
}

const WLAN_TYPE = "a type: 'mgt', 'ctl' or 'data'"

function wlanTypes(stream: TokenStream, start: Token, word: string): Node {
  const both = WLAN_TYPE_MASK | WLAN_SUBTYPE_MASK
  if (word === 'subtype') {
    const value = named(stream, wlanTypeOfSubtype, "a subtype, such as 'beacon'", false)
    return { kind: 'wlan-type', value, mask: both, span: stream.spanFrom(start) }
  }
  const type = bits(stream, wlanType, WLAN_TYPE, WLAN_TYPE_MASK)
  if (!stream.isWord('subtype')) {
    return { kind: 'wlan-type', value: type, mask: WLAN_TYPE_MASK, span: stream.spanFrom(start) }
  }
  stream.take()
  const subtype = bits(stream, (name) => wlanSubtype(type, name), 'a subtype of this type', WLAN_SUBTYPE_MASK)
  return { kind: 'wlan-type', value: type | subtype, mask: both, span: stream.spanFrom(start) }
}

function bits(
  stream: TokenStream,
  names: (name: string) => number | undefined,
  expected: string,
  mask: number,
): number {
  const token = stream.next
  const value = named(stream, names, expected, true)
  if ((value & ~mask) !== 0) {
    stream.refuse('BAD_VALUE', token, `${token.text} has bits outside 0x${mask.toString(16)}`, { expected })
  }
  return value
}

function wlanDir(stream: TokenStream, start: Token): Node {
  const value = named(stream, wlanDirection, "a direction: 'nods', 'tods', 'fromds' or 'dstods'", true)
  return { kind: 'wlan-direction', value, span: stream.spanFrom(start) }
}

/** `vci 5`, `vci > 5` or `vci (5 or 6)`. */
function field(family: 'atm' | 'mtp3', name: string): Read {
  return (stream, start) => {
    const one = (relation: Relation): Node => {
      const { value } = stream.needNumber()
      return { kind: 'field', family, name, relation, value, span: stream.spanFrom(start) }
    }
    const relation = takeRelation(stream)
    if (relation !== undefined) return one(relation)
    if (!stream.takeSign('(')) return one('=')
    const items = [one('=')]
    while (stream.isWord('or')) {
      stream.take()
      items.push(one('='))
    }
    stream.needSign(')', "')' or 'or'")
    return items.length === 1 ? items[0]! : { kind: 'or', items, span: stream.spanFrom(start) }
  }
}
