import type { Encapsulation } from './ast.ts'
import { type FilterBuilder, newVariable, type Place } from './builder.ts'
import { add, all, and, any, constant, equals, not, TRUE } from './conditions.ts'
import type { Span } from './filter-error.ts'
import { carries } from './generate-link-type.ts'
import { portOver } from './generate-transport.ts'
import type { FilterCondition, FilterValue } from './ir.ts'
import { type LinkTypeEntry, linkTypeOf } from './link-types.ts'
import { ETHER, IP_PROTO } from './protocols.ts'

const PPP_MPLS = 0x0281
const GENEVE_PORT = 6081
const VXLAN_PORT = 4789

type Enter = (builder: FilterBuilder, id: number | undefined, span: Span) => FilterCondition

/** The largest identifier that each encapsulation can have. */
const LIMITS: Readonly<Record<Encapsulation, number>> = {
  vlan: 0xfff,
  mpls: 0xf_ffff,
  pppoes: 0xffff,
  geneve: 0xff_ffff,
  vxlan: 0xff_ffff,
}

/** More tags, labels and sessions within each other have no room in any packet that there is. */
export const DEEPEST_ENCAPSULATION: number = 400

/**
 * The packet is encapsulated so, with this identifier if there is one. What follows in the expression looks behind the
 * encapsulation, whether or not a packet that gets there has it, as in libpcap.
 */
export function enter(
  builder: FilterBuilder,
  name: Encapsulation,
  id: number | undefined,
  span: Span,
): FilterCondition {
  if (id !== undefined && id > LIMITS[name]) {
    builder.refuse('BAD_VALUE', span, `${id} is no ${name} identifier`, { expected: `0 to ${LIMITS[name]}` })
  }
  if (builder.state.depth >= DEEPEST_ENCAPSULATION)
    builder.refuse('TOO_DEEP', span, `more than ${DEEPEST_ENCAPSULATION} headers encapsulate each other`, {
      mend: "with the option 'scoped', alternatives of an 'or' do not add up",
    })
  const condition = ENTER[name](builder, id, span)
  builder.change({ depth: builder.state.depth + 1 })
  return condition
}

const known = (number: number): LinkTypeEntry => {
  const link = linkTypeOf(number)
  if (link === undefined) throw new Error(`link type ${number} is missing`)
  return link
}

/** Behind a PPPoE header, PPP begins with its protocol field. */
const PPP_LINK = known(9)
const ETHERNET_LINK = known(1)

const moved = (place: Place, by: number): Place => ({ ...place, constant: (place.constant + by) >>> 0 })

const vlan: Enter = (builder, id, span) => {
  const { state } = builder
  const { link } = state
  if (state.labels > 0) builder.refuse('UNSUPPORTED', span, "'vlan' cannot stand behind 'mpls'")
  if (link.vlan !== true) builder.refuse('UNSUPPORTED', span, `'vlan' is unknown on ${link.name}`)
  const tpids = any(
    ...[ETHER.VLAN, ETHER.VLAN_AD, ETHER.VLAN_QINQ].map((type) => carries(builder, type, span)),
  )
  const inline = id === undefined ? TRUE : equals(builder.load('network', 0, 2), id, LIMITS.vlan)
  const first = state.tags === 0 && state.header.variable === undefined && state.outer === link
  if (builder.options.live && first && link.test === 'ethernet') return liveVlan(builder, id, tpids, inline)
  builder.change({ payload: moved(state.payload, 4), type: moved(state.type, 4), tags: state.tags + 1 })
  return all(tpids, inline)
}

/** Linux takes the outermost tag out of the packet and keeps it beside; only where it did not, offsets are moved. */
function liveVlan(
  builder: FilterBuilder,
  id: number | undefined,
  tpids: FilterCondition,
  inline: FilterCondition,
): FilterCondition {
  const { state } = builder
  const present = equals({ op: 'extension', name: 'vlan_tag_present' }, 1)
  const payload = newVariable()
  const type = newVariable()
  const moveBoth = [payload, type].map((variable) =>
    builder.assign(variable, add(builder.read(variable), constant(4))),
  )
  builder.change({
    payload: { ...state.payload, variable: payload },
    type: { ...state.type, variable: type },
    tags: state.tags + 1,
  })
  const tagged = any(present, all(...moveBoth, tpids))
  if (id === undefined) return tagged
  const beside = equals({ op: 'extension', name: 'vlan_tag' }, id, LIMITS.vlan)
  return all(tagged, any(all(present, beside), all(not(present), inline)))
}

const mpls: Enter = (builder, id, span) => {
  const { state } = builder
  const labelled = (): FilterCondition => {
    // Not the bottom of the stack yet.
    if (state.labels > 0) return equals(builder.load('label before', 2, 1), 0, 1)
    if (state.link.mpls !== true)
      builder.refuse('UNSUPPORTED', span, `'mpls' is unknown on ${state.link.name}`)
    return carries(builder, state.link.test === 'ppp' ? PPP_MPLS : ETHER.MPLS, span)
  }
  const found = labelled()
  const label = id === undefined ? TRUE : equals(builder.load('network', 0, 4), id << 12, 0xffff_f000)
  builder.change({
    network: (state.network + 4) >>> 0,
    networkNoSnap: (state.networkNoSnap + 4) >>> 0,
    labels: state.labels + 1,
  })
  return all(found, label)
}

const pppoes: Enter = (builder, id, span) => {
  const { state } = builder
  const session = carries(builder, ETHER.PPPOES, span)
  const number = id === undefined ? TRUE : equals(builder.load('network', 0, 4), id, 0xffff)
  const header = moved(state.payload, state.network + 6)
  builder.change({
    link: PPP_LINK,
    outer: state.link,
    outerHeader: state.header,
    header,
    type: header,
    payload: moved(header, 2),
    network: 0,
    networkNoSnap: 0,
    tunnelled: false,
  })
  return all(session, number)
}

/** What tunnels within tunnels may keep apart; libpcap has 16 registers for that. */
const MOST_VARIABLES = 64

/** UDP to the tunnel's port over IPv4 or IPv6, with a right header; `then` gets the length of the IP header. */
function tunnel(
  builder: FilterBuilder,
  port: number,
  flags: (load: FilterValue) => FilterCondition,
  id: number | undefined,
  span: Span,
): { readonly found: FilterCondition; readonly start: FilterValue } {
  if (builder.variables > MOST_VARIABLES)
    builder.refuse(
      'TOO_DEEP',
      span,
      `tunnels lie in each other so deep that they need over ${MOST_VARIABLES} variables`,
    )
  const { payload, network } = builder.state
  const header = newVariable()
  const over = (version: 'ip' | 'ip6'): FilterCondition => {
    const origin = version === 'ip' ? 'ipv4 payload' : 'ipv6 payload'
    const fixed = constant(40)
    const six = payload.variable === undefined ? fixed : add(builder.read(payload.variable), fixed)
    return all(
      portOver(builder, version, port, IP_PROTO.UDP, 'dst', span),
      flags(builder.load(origin, 8, 1)),
      id === undefined ? TRUE : equals(builder.load(origin, 12, 4), id << 8, 0xffff_ff00),
      builder.assign(header, version === 'ip' ? builder.ipv4Header() : six),
    )
  }
  const found = any(over('ip'), over('ip6'))
  return { found, start: add(builder.read(header), constant(payload.constant + network + 8)) }
}

/** Goes into an Ethernet frame whose places are all variable. */
function enterEthernet(builder: FilterBuilder): { header: Place; type: Place; payload: Place } {
  const { state } = builder
  const places = {
    header: { constant: 0, variable: newVariable() },
    type: { constant: 0, variable: newVariable() },
    payload: { constant: 0, variable: newVariable() },
  }
  builder.change({
    link: ETHERNET_LINK,
    outer: state.link,
    outerHeader: state.header,
    ...places,
    network: 0,
    tunnelled: true,
  })
  return places
}

const geneve: Enter = (builder, id, span) => {
  const { found, start } = tunnel(builder, GENEVE_PORT, (load) => equals(load, 0, 0xc0), id, span)
  const { header, type, payload } = enterEthernet(builder)
  builder.literal = true
  const at = (place: Place): FilterValue => builder.read(place.variable!)
  const set = (place: Place, value: FilterValue): FilterCondition => builder.assign(place.variable!, value)
  const options: FilterValue = {
    op: 'mul',
    left: and({ op: 'load', size: 1, offset: 0, base: at(header) }, 0x3f),
    right: constant(4),
  }
  const carriesEthernet = equals({ op: 'load', size: 2, offset: 0, base: at(type) }, ETHER.TEB)
  // Without an Ethernet header inside, the tunnel's own type says what follows.
  return all(
    found,
    set(header, start),
    set(type, add(at(header), constant(2))),
    set(header, add(add(at(header), constant(8)), options)),
    any(
      all(
        carriesEthernet,
        set(type, add(at(header), constant(12))),
        set(payload, add(at(header), constant(14))),
      ),
      set(payload, at(header)),
    ),
  )
}

const vxlan: Enter = (builder, id, span) => {
  const { found, start } = tunnel(builder, VXLAN_PORT, (load) => equals(load, 0x08), id, span)
  const { header, type, payload } = enterEthernet(builder)
  const behind = (by: number): FilterValue => add(builder.read(header.variable!), constant(by))
  return all(
    found,
    builder.assign(header.variable!, add(start, constant(8))),
    builder.assign(type.variable!, behind(12)),
    builder.assign(payload.variable!, behind(14)),
  )
}

const ENTER: Readonly<Record<Encapsulation, Enter>> = { vlan, mpls, pppoes, geneve, vxlan }

/** In ATM, LAN emulation carries Ethernet frames behind two bytes. */
export function enterLane(builder: FilterBuilder): void {
  const { state } = builder
  const header: Place = { constant: LANE_FRAME }
  builder.change({
    link: ETHERNET_LINK,
    outer: state.link,
    outerHeader: state.header,
    header,
    type: moved(header, 12),
    payload: moved(header, 14),
    network: 0,
    networkNoSnap: 3,
    tunnelled: false,
  })
}

/** SunATM's header of 4 bytes, and the LAN emulation's of 2. */
const LANE_FRAME = 6
