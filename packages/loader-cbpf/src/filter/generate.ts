import type { Node } from './ast.ts'
import { FilterBuilder, type LinkState } from './builder.ts'
import { all, allOf, anyOf, equals, not, TRUE } from './conditions.ts'
import { FilterError } from './filter-error.ts'
import { broadcast, multicast } from './generate-address.ts'
import { relate } from './generate-arithmetic.ts'
import {
  hasByte,
  hasLength,
  inDirection,
  llcFrame,
  onInterface,
  pfNumber,
  pfText,
  wlanFrame,
} from './generate-capture.ts'
import { enter } from './generate-encapsulation.ts'
import { carries } from './generate-link-type.ts'
import { qualifiedId } from './generate-name.ts'
import { atmField, atmKind, mtp2Kind, mtp3Field } from './generate-telecom.ts'
import { isProtocolPacket } from './generate-transport.ts'
import { computeLengths } from './generate-wlan.ts'
import type { FilterCondition, FilterProgram } from './ir.ts'
import { linkTypeOf } from './link-types.ts'
import { type FilterResolver, Names } from './names.ts'
import { parseExpression } from './parse.ts'
import { ETHER } from './protocols.ts'

export interface GenerateFilterOptions {
  /** What the packets begin with: the number in a capture file's header, or a DLT_; 1 (Ethernet) unless said. */
  readonly linkType?: number | undefined
  /** What an accepted packet is cut down to, in bytes: what the filter returns; 262,144 unless said. */
  readonly snaplen?: number | undefined
  /** The network's mask, for `ip broadcast`. */
  readonly netmask?: number | undefined
  /** Who knows the names of hosts, networks, services, protocols and stations. */
  readonly resolver?: FilterResolver | undefined
  /**
   * For packets that Linux captures at the moment, not for those of a file: the direction, the interface and an outermost
   * VLAN tag are asked of the kernel.
   */
  readonly live?: boolean | undefined
  /**
   * What `vlan`, `mpls`, `pppoes`, `geneve` and `vxlan` say of the headers that follow ends with the alternative of an `or`,
   * and at a `not`; otherwise it holds to the end of the expression, as in libpcap.
   */
  readonly scoped?: boolean | undefined
  /** The capture file is big-endian: link type NULL has the address family in that order. */
  readonly bigEndian?: boolean | undefined
}

/** What tcpdump takes for the length of a packet without -s. */
const WHOLE_PACKET = 262_144

/**
 * The meaning of a filter expression (pcap-filter(7)) for packets of one link type.
 * @throws FilterError
 */
export function generateFilter(text: string, options: GenerateFilterOptions = {}): FilterProgram {
  const { linkType = 1, snaplen = WHOLE_PACKET, netmask, resolver, live = false, scoped = false } = options
  const link = linkTypeOf(linkType)
  const whole = { offset: 0, length: 0 }
  if (link === undefined) {
    throw new FilterError('UNSUPPORTED', text, whole, `link type ${linkType} is unknown`, {
      expected: 'a number of https://www.tcpdump.org/linktypes.html',
    })
  }
  if (!Number.isInteger(snaplen) || snaplen < 1 || snaplen > 0x7fff_ffff) {
    throw new FilterError('BAD_OPTION', text, whole, `snaplen ${snaplen} accepts no packet`, {
      expected: '1 to 2147483647',
    })
  }
  const tree = parseExpression(text)
  const builder = new FilterBuilder(text, link, {
    live,
    scoped,
    netmask: netmask === undefined ? undefined : netmask >>> 0,
    bigEndian: options.bigEndian ?? false,
    names: new Names(resolver),
  })
  const { header, payload } = builder.state
  const asked = tree === undefined ? TRUE : generate(builder, tree)
  const lengths = computeLengths(builder, header.variable, payload.variable)
  const varies = link.radio !== undefined && payload.variable?.index !== undefined
  const literal = builder.literal || varies || link.radio === 'prism'
  // Per-packet information may stand before other link types, too (PPI).
  const radio = tree !== undefined && builder.state.link.radio === 'ppi' ? PPI_80211 : TRUE
  const condition = asked.op === 'false' ? asked : all(radio, lengths, asked)
  const { variables, refusals } = builder
  if (literal) return { condition, variables, snaplen, literal }
  return { condition, variables, snaplen, ...(refusals.size > 0 ? { refusals } : {}) }
}

/** The packet's own link type, least significant byte first, is IEEE802_11. */
const PPI_80211: FilterCondition = equals({ op: 'load', size: 4, offset: 4 }, 105 * 2 ** 24)

function generate(builder: FilterBuilder, node: Node): FilterCondition {
  switch (node.kind) {
    case 'and':
      return allOf(node.items.map((item) => generate(builder, item)))
    case 'or':
      return alternatives(builder, node.items)
    case 'not': {
      const before = builder.state
      const condition = not(generate(builder, node.item))
      if (builder.options.scoped) builder.state = before
      return condition
    }
    case 'id':
      return qualifiedId(builder, node.qualifier, node.id)
    case 'protocol':
      return isProtocolPacket(builder, node.protocol, node.span)
    case 'relation':
      return relate(builder, node.relation, node.left, node.right)
    case 'broadcast':
      return broadcast(builder, node.protocol, node.span)
    case 'multicast':
      return multicast(builder, node.protocol, node.span)
    case 'less':
    case 'greater':
      return hasLength(node.kind, node.value)
    case 'byte':
      return hasByte(builder, node.index, node.operator, node.value)
    case 'inbound':
    case 'outbound':
      return inDirection(builder, node.kind, node.span)
    case 'ifindex':
      return onInterface(builder, node.value, node.span)
    case 'pppoed':
      return carries(builder, ETHER.PPPOED, node.span)
    case 'encapsulation':
      return enter(builder, node.name, node.id, node.span)
    case 'pf-text':
      return pfText(builder, node.field, node.text, node.span)
    case 'pf-number':
      return pfNumber(builder, node.field, node.value, node.span)
    case 'wlan-type':
      return wlanFrame(builder, 0, node.value, node.mask, node.span)
    case 'wlan-direction':
      return wlanFrame(builder, 1, node.value, 0x03, node.span)
    case 'llc':
      return llcFrame(builder, node.control, node.span)
    case 'atm':
      return atmKind(builder, node.name, node.span)
    case 'mtp2':
      return mtp2Kind(builder, node.name, node.span)
    case 'field':
      return node.family === 'atm'
        ? atmField(builder, node.name, node.relation, node.value, node.span)
        : mtp3Field(builder, node.name, node.relation, node.value, node.span)
  }
}

/** One of them; with scopes, each begins where the first one did, and only what all agree on holds behind them. */
function alternatives(builder: FilterBuilder, items: readonly Node[]): FilterCondition {
  if (!builder.options.scoped) return anyOf(items.map((item) => generate(builder, item)))
  const before = builder.state
  const after: LinkState[] = []
  const conditions = items.map((item) => {
    builder.state = before
    const condition = generate(builder, item)
    after.push(builder.state)
    return condition
  })
  const [first] = after
  builder.state = after.every((state) => sameState(state, first!)) ? first! : before
  return anyOf(conditions)
}

function sameState(left: LinkState, right: LinkState): boolean {
  const samePlace = (key: 'header' | 'outerHeader' | 'type' | 'payload'): boolean =>
    left[key].constant === right[key].constant && left[key].variable === right[key].variable
  const keys = ['link', 'outer', 'network', 'networkNoSnap', 'labels', 'tags', 'tunnelled'] as const
  return (
    (['header', 'outerHeader', 'type', 'payload'] as const).every(samePlace) &&
    keys.every((key) => left[key] === right[key])
  )
}
