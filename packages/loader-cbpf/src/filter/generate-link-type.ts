import type { FilterBuilder } from './builder.ts'
import { all, any, equals, FALSE, greater, hasBits, not, TRUE } from './conditions.ts'
import type { Span } from './filter-error.ts'
import type { FilterCondition } from './ir.ts'
import type { TypeTest } from './link-types.ts'
import { ETHER, ETHER_MTU, NLPID, SAP } from './protocols.ts'

/** AF_INET, and the values that AF_INET6 has on Linux, NetBSD and OpenBSD, FreeBSD, and macOS. */
const AF_INET = 2
const AF_INET6_LINUX = 10
const AF_INET6_FILES = [30, 24, 28] as const

/** LINUX_SLL_P_802_3 and LINUX_SLL_P_802_2. */
const SLL_802_3 = 0x0001
const SLL_802_2 = 0x0004

/** PPP protocol numbers (IANA) of what has an Ethernet type or a service access point elsewhere. */
const PPP: ReadonlyMap<number, number> = new Map([
  [ETHER.IP, 0x0021],
  [ETHER.IP6, 0x0057],
  [ETHER.DECNET, 0x0027],
  [ETHER.ATALK, 0x0029],
  [ETHER.NS, 0x0025],
  [SAP.ISO, 0x0023],
  [SAP.STP, 0x0031],
  [SAP.IPX, 0x002b],
])
const PPP_VJC = 0x002d
const PPP_VJNC = 0x002f

/** ARCNET system codes (RFC 1201), the old ones of RFC 1051 last. */
const ARCNET: ReadonlyMap<number, readonly number[]> = new Map([
  [ETHER.IP6, [0xc4]],
  [ETHER.IP, [212, 240]],
  [ETHER.ARP, [213, 241]],
  [ETHER.RARP, [214]],
  [ETHER.ATALK, [221]],
])

const UNNUMBERED_INFORMATION = 0x03

/** The packet carries this Ethernet type or, up to 1500, LLC service access point, as the link layer says it. */
export function carries(builder: FilterBuilder, type: number, span: Span): FilterCondition {
  return builder.shared(`type ${type}`, () =>
    builder.state.labels > 0
      ? labelled(builder, type, span)
      : TESTS[builder.state.link.test](builder, type, span),
  )
}

/** What must hold of the link layer outside, before anything is said of an Ethernet header inside. */
export function outerCheck(builder: FilterBuilder): FilterCondition {
  const { state } = builder
  if (state.tunnelled) {
    const [left, right] = [state.header.variable, state.payload.variable].map((variable) =>
      variable === undefined ? undefined : builder.read(variable),
    )
    return left && right ? not({ op: 'eq', left, right }) : TRUE
  }
  if (state.outer.test !== 'sunatm') return TRUE
  // LANE control frames.
  return not(equals(builder.load('outer header', 4, 2), 0xff00))
}

/** What is an 802.2 frame at all. */
export function isLlc(builder: FilterBuilder, span: Span): FilterCondition {
  const { link } = builder.state
  if (link.llc !== true) {
    builder.refuse('UNSUPPORTED', span, `'llc' is unknown on ${link.name}`, {
      expected: 'Ethernet, FDDI, token ring, 802.11 or ATM',
    })
  }
  switch (link.test) {
    case 'ethernet':
      return all(
        not(greater(builder.load('type', 0, 2), ETHER_MTU)),
        not(equals(builder.load('llc', 0, 2), 0xffff)),
      )
    case 'sunatm':
      return atmPayload(builder, 'llc')
    case 'wlan':
      return dataFrame(builder)
    default:
      return TRUE
  }
}

/** An 802.11 data frame. */
export const dataFrame = (builder: FilterBuilder): FilterCondition =>
  all(not(hasBits(builder.load('header', 0, 1), 0x04)), hasBits(builder.load('header', 0, 1), 0x08))

/** The lower half of SunATM's first byte. */
export const atmPayload = (builder: FilterBuilder, what: 'lane' | 'llc'): FilterCondition =>
  equals(builder.load('header', 0, 1), what === 'lane' ? 1 : 2, 0x0f)

function labelled(builder: FilterBuilder, type: number, span: Span): FilterCondition {
  if (type !== ETHER.IP && type !== ETHER.IP6) {
    builder.refuse('UNSUPPORTED', span, 'only IPv4 and IPv6 can be told behind an MPLS label')
  }
  // The bottom of the stack, then the version.
  return all(
    equals(builder.load('network', -2, 1), 1, 1),
    equals(builder.load('network', 0, 1), type === ETHER.IP ? 0x40 : 0x60, 0xf0),
  )
}

type Test = (builder: FilterBuilder, type: number, span: Span) => FilterCondition

const field: Test = (builder, type) => equals(builder.load('type', 0, 2), type)

const snap = (builder: FilterBuilder, organisation: number, type: number): FilterCondition =>
  builder.bytes('llc', 0, [
    SAP.SNAP,
    SAP.SNAP,
    UNNUMBERED_INFORMATION,
    organisation >>> 16,
    (organisation >>> 8) & 0xff,
    organisation & 0xff,
    type >>> 8,
    type & 0xff,
  ])

const APPLE = 0x08_0007

const twice = (sap: number): number => (sap << 8) | sap

const isTwofold = (type: number): boolean => type === SAP.ISO || type === SAP.IP || type === SAP.NETBEUI

const ethernet: Test = (builder, type, span) => {
  const outer = builder.state.tunnelled ? TRUE : outerCheck(builder)
  const hasLength = (): FilterCondition => not(greater(builder.load('type', 0, 2), ETHER_MTU))
  const inner = (): FilterCondition => {
    if (isTwofold(type)) return all(hasLength(), equals(builder.load('llc', 0, 2), twice(type)))
    if (type === SAP.IPX) {
      const frames = any(
        snap(builder, 0, ETHER.IPX),
        equals(builder.load('llc', 0, 1), SAP.IPX),
        equals(builder.load('llc', 0, 2), 0xffff),
      )
      return any(field(builder, ETHER.IPX, span), all(hasLength(), frames))
    }
    if (type === ETHER.ATALK || type === ETHER.AARP) {
      const frames = snap(builder, type === ETHER.ATALK ? APPLE : 0, type)
      return any(field(builder, type, span), all(hasLength(), frames))
    }
    if (type <= ETHER_MTU) return all(hasLength(), equals(builder.load('type', 2, 1), type))
    return field(builder, type, span)
  }
  return all(outer, inner())
}

const llc: Test = (builder, type) => {
  if (isTwofold(type)) return equals(builder.load('llc', 0, 2), twice(type))
  if (type === ETHER.ATALK) return snap(builder, APPLE, type)
  return type <= ETHER_MTU ? equals(builder.load('llc', 0, 1), type) : equals(builder.load('llc', 6, 2), type)
}

const sll: Test = (builder, type, span) => {
  const is8022 = (): FilterCondition => field(builder, SLL_802_2, span)
  if (isTwofold(type)) return all(is8022(), equals(builder.load('llc', 0, 2), twice(type)))
  if (type === SAP.IPX) {
    const frames = any(equals(builder.load('llc', 0, 1), SAP.IPX), snap(builder, 0, ETHER.IPX))
    return any(field(builder, ETHER.IPX, span), field(builder, SLL_802_3, span), all(is8022(), frames))
  }
  if (type === ETHER.ATALK || type === ETHER.AARP) {
    return any(
      field(builder, type, span),
      all(is8022(), snap(builder, type === ETHER.ATALK ? APPLE : 0, type)),
    )
  }
  if (type > ETHER_MTU) return field(builder, type, span)
  return all(is8022(), equals(builder.load('header', builder.state.payload.constant, 1), type))
}

const version: Test = (builder, type) => {
  if (type === ETHER.IP) return equals(builder.load('header', 0, 1), 0x40, 0xf0)
  return type === ETHER.IP6 ? equals(builder.load('header', 0, 1), 0x60, 0xf0) : FALSE
}

const ppp: Test = (builder, type, span) => field(builder, PPP.get(type) ?? type, span)

const loopback: Test = (builder, type) => {
  const family = (value: number): FilterCondition => {
    const reversed = builder.state.link.family === 'host' && !builder.options.bigEndian
    return equals(builder.load('header', 0, 4), reversed ? value << 24 : value)
  }
  if (type === ETHER.IP) return family(AF_INET)
  if (type !== ETHER.IP6) return FALSE
  return builder.options.live ? family(AF_INET6_LINUX) : any(...AF_INET6_FILES.map(family))
}

const bySecondByte: Test = (builder, type) => {
  if (type === ETHER.IP) return equals(builder.load('header', 1, 1), AF_INET)
  return type === ETHER.IP6 ? equals(builder.load('header', 1, 1), AF_INET6_LINUX) : FALSE
}

const frameRelay: Test = (builder, type) => {
  const carried = (nlpid: number): FilterCondition =>
    equals(builder.load('header', 2, 2), (UNNUMBERED_INFORMATION << 8) | nlpid)
  if (type === ETHER.IP) return carried(NLPID.IP)
  if (type === ETHER.IP6) return carried(NLPID.IP6)
  return type === SAP.ISO ? any(carried(NLPID.CLNP), carried(NLPID.ESIS), carried(NLPID.ISIS)) : FALSE
}

/** Solaris's AF_INET and AF_INET6. */
const ipnet: Test = (builder, type) => {
  if (type === ETHER.IP) return equals(builder.load('type', 0, 1), 2)
  return type === ETHER.IP6 ? equals(builder.load('type', 0, 1), 26) : FALSE
}

const TESTS: Readonly<Record<TypeTest, Test>> = {
  ethernet,
  llc,
  sll,
  field,
  ppp,
  loopback,
  ipnet,
  raw: version,
  pflog: bySecondByte,
  frelay: frameRelay,
  wlan: (builder, type, span) => all(dataFrame(builder), llc(builder, type, span)),
  sunatm: (builder, type, span) => all(atmPayload(builder, 'llc'), llc(builder, type, span)),
  ipv4: (_, type) => (type === ETHER.IP ? TRUE : FALSE),
  ipv6: (_, type) => (type === ETHER.IP6 ? TRUE : FALSE),
  ltalk: (_, type) => (type === ETHER.ATALK ? TRUE : FALSE),
  'ppp-bsdos': (builder, type, span) =>
    type === ETHER.IP
      ? any(ppp(builder, type, span), field(builder, PPP_VJC, span), field(builder, PPP_VJNC, span))
      : ppp(builder, type, span),
  chdlc: (builder, type, span) => field(builder, type === SAP.ISO ? twice(type) : type, span),
  arcnet: (builder, type) =>
    any(...(ARCNET.get(type) ?? []).map((code) => equals(builder.load('type', 0, 1), code))),
  // Juniper's magic number, and MS/TP's preamble, whatever is asked for.
  juniper: (builder) => equals(builder.load('header', 0, 4), 0x4d47_4300, 0xffff_ff00),
  bacnet: (builder) => equals(builder.load('header', 0, 4), 0x55ff_0000, 0xffff_0000),
  none: (builder, _, span) =>
    builder.refuse('UNSUPPORTED', span, `no protocol can be told on ${builder.state.link.name}`, {
      mend: 'compare bytes of the link layer: link[0]',
    }),
}
