import type { Direction } from './ast.ts'
import type { FilterBuilder } from './builder.ts'
import { newVariable } from './builder.ts'
import { add, all, any, atLeast, constant, equals, greater, hasBits, not } from './conditions.ts'
import type { Span } from './filter-error.ts'
import { carries } from './generate-link-type.ts'
import type { FilterCondition, FilterValue } from './ir.ts'
import { ETHER, IP_PROTO, PROTOCOLS, type Protocol, SAP } from './protocols.ts'

const PORTS_OF: readonly number[] = [IP_PROTO.SCTP, IP_PROTO.TCP, IP_PROTO.UDP]

/** Inclusive; the ends may be the wrong way round. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

const FRAGMENT_OFFSET = 0x1fff

/** Not a later fragment, which has no header of the transport layer. */
export const firstFragment = (builder: FilterBuilder): FilterCondition =>
  builder.shared('first fragment', () => not(hasBits(builder.load('network', 6, 2), FRAGMENT_OFFSET)))

/** A port of one protocol, or of any that has ports. */
export function hasPort(
  builder: FilterBuilder,
  asked: number | PortRange,
  protocol: number | undefined,
  direction: Direction | undefined,
  span: Span,
): FilterCondition {
  return any(
    portOver(builder, 'ip6', asked, protocol, direction, span),
    portOver(builder, 'ip', asked, protocol, direction, span),
  )
}

/** The same of IPv4 or IPv6 alone. */
export function portOver(
  builder: FilterBuilder,
  version: 'ip' | 'ip6',
  asked: number | PortRange,
  protocol: number | undefined,
  direction: Direction | undefined,
  span: Span,
): FilterCondition {
  const origin = version === 'ip' ? 'ipv4 payload' : 'ipv6 payload'
  const side = (which: 'src' | 'dst'): FilterCondition => {
    const port = (): FilterValue => builder.load(origin, which === 'src' ? 0 : 2, 2)
    if (typeof asked === 'number') return equals(port(), asked)
    const [low, high] = [Math.min(asked.from, asked.to), Math.max(asked.from, asked.to)]
    return all(atLeast(port(), low), not(greater(port(), high)))
  }
  const type = carries(builder, version === 'ip' ? ETHER.IP : ETHER.IP6, span)
  const ports = builder.directed(direction, side)
  if (ports === undefined) {
    builder.refuse('BAD_QUALIFIER', span, `'${direction}' is for 802.11 addresses, not for ports`)
  }
  const numbers = protocol === undefined ? PORTS_OF : [protocol]
  const next = builder.load('network', version === 'ip' ? 9 : 6, 1)
  const first = version === 'ip' ? [firstFragment(builder)] : []
  // Each protocol with ports of its own, as in libpcap: what is known behind one of them is used to drop tests.
  return all(type, any(...numbers.map((number) => all(equals(next, number), ...first, ports))))
}

/** A protocol number of IP, in IPv6 also behind one fragment header. */
export function hasIpProtocol(
  builder: FilterBuilder,
  number: number,
  over: 'ip' | 'ip6' | 'both',
  span: Span,
): FilterCondition {
  const next = (offset: number, value: number): FilterCondition =>
    equals(builder.load('network', offset, 1), value)
  const four = (): FilterCondition => all(carries(builder, ETHER.IP, span), next(9, number))
  const six = (): FilterCondition =>
    all(
      carries(builder, ETHER.IP6, span),
      any(next(6, number), all(next(6, IP_PROTO.FRAGMENT), next(40, number))),
    )
  if (over === 'ip') return four()
  return over === 'ip6' ? six() : any(four(), six())
}

/** A network layer protocol identifier of ISO. */
export function hasIsoProtocol(builder: FilterBuilder, nlpid: number, span: Span): FilterCondition {
  const { test } = builder.state.link
  if (test === 'frelay') return equals(builder.load('header', 2, 2), (0x03 << 8) | nlpid)
  const chdlc = test === 'chdlc'
  // Cisco's HDLC has a byte of padding in front.
  return all(
    carries(builder, chdlc ? (SAP.ISO << 8) | SAP.ISO : SAP.ISO, span),
    equals(builder.load('network without snap', chdlc ? 1 : 0, 1), nlpid),
  )
}

/** A PDU type of IS-IS. */
export function hasIsisType(builder: FilterBuilder, type: number, span: Span): FilterCondition {
  const isis = PROTOCOLS.isis.recognition
  if (isis?.by !== 'iso') throw new Error('IS-IS is an ISO protocol')
  return all(
    hasIsoProtocol(builder, isis.nlpid, span),
    equals(builder.load('network without snap', 4, 1), type),
  )
}

/** The packet is of a protocol; the word may not stand alone where it is only a qualifier. */
export function isProtocolPacket(builder: FilterBuilder, protocol: Protocol, span: Span): FilterCondition {
  const { recognition } = PROTOCOLS[protocol]
  switch (recognition?.by) {
    case 'link':
      return carries(builder, recognition.type, span)
    case 'ip':
      return hasIpProtocol(builder, recognition.number, recognition.over, span)
    case 'iso':
      return hasIsoProtocol(builder, recognition.nlpid, span)
    case 'isis':
      return any(...recognition.types.map((type) => hasIsisType(builder, type, span)))
    default: {
      const word = builder.text.slice(span.offset, span.offset + span.length)
      return builder.refuse('BAD_QUALIFIER', span, `'${word}' says nothing alone`, {
        expected:
          protocol === 'link' ? "'host', 'proto', 'broadcast' or [offset] behind it" : '[offset] behind it',
      })
    }
  }
}

/**
 * A protocol in the chain of headers: IPv6 extension headers, and the authentication header (RFC 4302) of both. libpcap
 * goes on at the wrong place behind an authentication header; here the next header is found.
 */
export function inProtocolChain(
  builder: FilterBuilder,
  number: number,
  version: 'ip' | 'ip6',
  span: Span,
): FilterCondition {
  const { payload, network } = builder.state
  if (payload.variable !== undefined) {
    builder.refuse('UNSUPPORTED', span, "'protochain' is not possible behind headers of variable length")
  }
  builder.literal = true
  const start = (payload.constant + network) >>> 0
  const next = newVariable()
  const at = newVariable()
  const is = (value: number): FilterCondition => equals(builder.read(next), value)
  /** Past a header whose length is (its second byte + more) * unit. */
  const past = (more: number, unit: number): FilterCondition => {
    const field: FilterValue = { op: 'load', size: 1, offset: (start + 1) >>> 0, base: builder.read(at) }
    const length: FilterValue = { op: 'mul', left: add(field, constant(more)), right: constant(unit) }
    return all(
      builder.assign(next, { op: 'load', size: 1, offset: start, base: builder.read(at) }),
      builder.assign(at, add(builder.read(at), length)),
    )
  }
  const { HOPOPTS, DSTOPTS, ROUTING, FRAGMENT, AH } = IP_PROTO
  const extension = all(any(...[HOPOPTS, DSTOPTS, ROUTING, FRAGMENT].map(is)), past(1, 8))
  const authentication = all(is(AH), past(2, 4))
  const step = version === 'ip' ? authentication : any(extension, authentication)
  return all(
    carries(builder, version === 'ip' ? ETHER.IP : ETHER.IP6, span),
    builder.assign(next, builder.load('network', version === 'ip' ? 9 : 6, 1)),
    builder.assign(at, version === 'ip' ? builder.ipv4Header() : constant(40)),
    { op: 'loop', body: all(not(is(number)), step) },
    is(number),
  )
}
