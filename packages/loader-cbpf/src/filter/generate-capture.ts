import type { ByteOperator, LlcControl } from './ast.ts'
import type { FilterBuilder } from './builder.ts'
import { all, atLeast, constant, equals, greater, hasBits, not } from './conditions.ts'
import type { Span } from './filter-error.ts'
import { isLlc } from './generate-link-type.ts'
import type { FilterCondition } from './ir.ts'

/** PACKET_OUTGOING of linux/if_packet.h. */
const PACKET_OUTGOING = 4

/** Where struct pfloghdr has its fields, and how many bytes they are. */
const PF_LOG = {
  ifname: { offset: 4, size: 16 },
  ruleset: { offset: 20, size: 16 },
  rulenr: { offset: 36, size: 4 },
  subrulenr: { offset: 40, size: 4 },
  reason: { offset: 3, size: 1 },
  action: { offset: 2, size: 1 },
} as const

/** Into or out of the machine that captured. */
export function inDirection(
  builder: FilterBuilder,
  which: 'inbound' | 'outbound',
  span: Span,
): FilterCondition {
  const { direction, name } = builder.state.link
  if (direction === undefined) {
    if (!builder.options.live) {
      return builder.refuse('UNSUPPORTED', span, `a file of ${name} packets does not say their direction`)
    }
    const outgoing = equals({ op: 'extension', name: 'pkttype' }, PACKET_OUTGOING)
    return which === 'outbound' ? outgoing : not(outgoing)
  }
  const wanted = direction[which]
  const load = builder.load('header', direction.offset, direction.size)
  const is = (value: number): FilterCondition => equals(load, value, direction.mask)
  return typeof wanted === 'number' ? is(wanted) : not(is(wanted.not))
}

/** Captured on the interface of this index. */
export function onInterface(builder: FilterBuilder, index: number, span: Span): FilterCondition {
  const { link } = builder.state
  if (link.name === 'LINUX_SLL2') return equals(builder.load('header', 4, 4), index)
  if (!builder.options.live) {
    return builder.refuse('UNSUPPORTED', span, `a file of ${link.name} packets does not say their interface`)
  }
  return equals({ op: 'extension', name: 'ifindex' }, index)
}

function needPfLog(builder: FilterBuilder, field: string, span: Span): void {
  const { link } = builder.state
  if (link.test === 'pflog') return
  builder.refuse('UNSUPPORTED', span, `'${field}' is for logs of PF, and the link type is ${link.name}`)
}

/** The beginning of a text in a PF log header. */
export function pfText(
  builder: FilterBuilder,
  field: 'ifname' | 'ruleset',
  text: string,
  span: Span,
): FilterCondition {
  needPfLog(builder, field, span)
  const { offset, size } = PF_LOG[field]
  const bytes = [...new TextEncoder().encode(text)]
  if (bytes.length >= size) {
    builder.refuse('BAD_VALUE', span, 'the name is too long', { expected: `at most ${size - 1} bytes` })
  }
  return builder.bytes('header', offset, bytes)
}

/** A number in a PF log header. */
export function pfNumber(
  builder: FilterBuilder,
  field: 'rulenr' | 'subrulenr' | 'reason' | 'action',
  value: number,
  span: Span,
): FilterCondition {
  needPfLog(builder, field, span)
  const { offset, size } = PF_LOG[field]
  return equals(builder.load('header', offset, size), value)
}

/** The packet's length on the wire. */
export const hasLength = (which: 'less' | 'greater', value: number): FilterCondition =>
  which === 'greater' ? atLeast({ op: 'length' }, value) : not(greater({ op: 'length' }, value))

/** One byte of the link layer; `&` and `|`: the result is not 0. */
export function hasByte(
  builder: FilterBuilder,
  index: number,
  operator: ByteOperator,
  value: number,
): FilterCondition {
  const byte = builder.load('header', index, 1)
  switch (operator) {
    case '=':
      return equals(byte, value)
    case '<':
      return not(atLeast(byte, value))
    case '>':
      return greater(byte, value)
    default: {
      const op = operator === '&' ? 'and' : 'or'
      return not(equals({ op, left: byte, right: constant(value) }, 0))
    }
  }
}

/** An 802.2 frame, with this control field if one is asked for. */
export function llcFrame(
  builder: FilterBuilder,
  control: LlcControl | undefined,
  span: Span,
): FilterCondition {
  const frame = isLlc(builder, span)
  if (control === undefined) return frame
  const field = builder.load('llc', 2, 1)
  const { value, mask } = control
  const oneBit = value === 0 && (mask & (mask - 1)) === 0
  return all(frame, oneBit ? not(hasBits(field, mask)) : equals(field, value, mask))
}

/** Type and subtype, or direction, of an 802.11 frame. */
export function wlanFrame(
  builder: FilterBuilder,
  byte: 0 | 1,
  value: number,
  mask: number,
  span: Span,
): FilterCondition {
  if (builder.state.link.frames !== true) {
    const icmp = /^icmp6?\b/.exec(builder.text.slice(span.offset))?.[0]
    builder.refuse('UNSUPPORTED', span, `${builder.state.link.name} has no frames of 802.11`, {
      mend: icmp && `write '${icmp}[${icmp}type] = ...' for a type of ICMP`,
    })
  }
  return equals(builder.load('header', byte, 1), value, mask)
}
