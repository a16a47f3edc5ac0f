import { parseDotted, parseIpv6, parseMac } from './addresses.ts'
import type { Direction, Id, Qualifier } from './ast.ts'
import type { FilterBuilder } from './builder.ts'
import { all, any, atLeast, equals, hasBits } from './conditions.ts'
import type { Span } from './filter-error.ts'
import { carries, outerCheck } from './generate-link-type.ts'
import { wlanMulticast, wlanStation } from './generate-wlan.ts'
import type { FilterCondition } from './ir.ts'
import { NOT_SET } from './link-types.ts'
import { ETHER, type Protocol } from './protocols.ts'

const ALL_BITS = 0xffff_ffff
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] as const
/** Where the addresses are in an IPv4, an ARP and an IPv6 header, and which link-layer type these have. */
const PLACES = {
  ip: { type: ETHER.IP, src: 12, dst: 16 },
  arp: { type: ETHER.ARP, src: 14, dst: 24 },
  rarp: { type: ETHER.RARP, src: 14, dst: 24 },
  ip6: { type: ETHER.IP6, src: 8, dst: 24 },
} as const

const isVersion4 = (protocol: Protocol): protocol is 'ip' | 'arp' | 'rarp' =>
  protocol === 'ip' || protocol === 'arp' || protocol === 'rarp'

function refuseDirection(builder: FilterBuilder, qualifier: Qualifier, where: string): never {
  return builder.refuse(
    'BAD_QUALIFIER',
    qualifier.span,
    `'${qualifier.direction}' is for stations of 802.11, ${where}`,
    {
      expected: "'src', 'dst' or both",
    },
  )
}

function directed(
  builder: FilterBuilder,
  qualifier: Qualifier,
  side: (which: 'src' | 'dst') => FilterCondition,
): FilterCondition {
  const condition = builder.directed(qualifier.direction, side)
  return condition ?? refuseDirection(builder, qualifier, 'not for addresses of the network layer')
}

/** An IPv4 address with its mask: in IPv4, ARP and RARP, unless the qualifier names one. */
export function hasAddress4(
  builder: FilterBuilder,
  address: number,
  mask: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  const { protocol } = qualifier
  if (protocol === 'decnet') return hasDecnetAddress(builder, address, qualifier, span)
  const inProtocol = (name: 'ip' | 'arp' | 'rarp'): FilterCondition => {
    const place = PLACES[name]
    return directed(builder, qualifier, (side) =>
      all(carries(builder, place.type, span), equals(builder.load('network', place[side], 4), address, mask)),
    )
  }
  if (protocol === undefined) {
    if (builder.state.labels > 0) return inProtocol('ip')
    return any(inProtocol('ip'), inProtocol('arp'), inProtocol('rarp'))
  }
  if (isVersion4(protocol)) return inProtocol(protocol)
  const fact =
    protocol === 'ip6'
      ? "'ip6' stands before an IPv4 address"
      : `'${protocol}' has no addresses of its own here`
  return builder.refuse('BAD_QUALIFIER', span, fact, { expected: "no protocol, 'ip', 'arp' or 'rarp'" })
}

/** An IPv6 address with its mask, as four words each. */
export function hasAddress6(
  builder: FilterBuilder,
  address: readonly number[],
  prefix: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  const { protocol } = qualifier
  if (protocol !== undefined && protocol !== 'ip6') {
    builder.refuse('BAD_QUALIFIER', span, `'${protocol}' stands before an IPv6 address`, {
      expected: "no protocol or 'ip6'",
    })
  }
  const place = PLACES.ip6
  return directed(builder, qualifier, (side) =>
    all(
      carries(builder, place.type, span),
      ...address.map((word, index) =>
        equals(builder.load('network', place[side] + index * 4, 4), word, wordMask(prefix, index)),
      ),
    ),
  )
}

function wordMask(prefix: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefix - index * 32))
  return bits === 0 ? 0 : (ALL_BITS << (32 - bits)) >>> 0
}

/** An address of DECnet Phase IV: area and node, in short and long headers, with and without padding. */
function hasDecnetAddress(
  builder: FilterBuilder,
  address: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  const low16 = ((address & 0xff) << 8) | ((address >>> 8) & 0xff)
  const field = (offset: number): FilterCondition => equals(builder.load('network', offset, 2), low16)
  return directed(builder, qualifier, (side) => {
    const short = side === 'src' ? 3 : 1
    const long = side === 'src' ? 15 : 7
    const flags = (value: number): FilterCondition => equals(builder.load('network', 2, 1), value, 0x07)
    const padded = (value: number): FilterCondition =>
      equals(builder.load('network', 2, 2), 0x8100 | value, 0xff07)
    return all(
      carries(builder, ETHER.DECNET, span),
      any(
        all(flags(0x02), field(2 + short)),
        all(padded(0x02), field(3 + short)),
        all(flags(0x06), field(2 + long)),
        all(padded(0x06), field(3 + long)),
      ),
    )
  })
}

/** The address of a station of the link layer. */
export function hasStation(
  builder: FilterBuilder,
  address: readonly number[],
  direction: Direction | undefined,
  span: Span,
): FilterCondition {
  const { link } = builder.state
  const { stations } = link
  if (stations === undefined || stations === 'arcnet') {
    return builder.refuse('UNSUPPORTED', span, `${link.name} has no MAC addresses`, {
      expected: 'Ethernet, FDDI, token ring, 802.11 or Fibre Channel',
    })
  }
  if (stations === 'wlan') return wlanStation(builder, address, direction)
  const condition = builder.directed(direction, (side) => builder.bytes('header', stations[side], address))
  if (condition === undefined) {
    return builder.refuse('BAD_QUALIFIER', span, `'${direction}' is for 802.11, not for ${link.name}`)
  }
  return link.test === 'ethernet' ? all(outerCheck(builder), condition) : condition
}

const arcnetStation = (
  builder: FilterBuilder,
  address: number,
  direction: Direction | undefined,
): FilterCondition | undefined =>
  builder.directed(direction, (side) => builder.bytes('header', side === 'src' ? 0 : 1, [address]))

/** A dotted address, as a host or a network. */
export function ipv4Id(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'ipv4' }>,
  qualifier: Qualifier,
): FilterCondition {
  if (qualifier.type !== undefined && qualifier.type !== 'host' && qualifier.type !== 'net') {
    return builder.refuse('BAD_QUALIFIER', id.span, `'${qualifier.type}' stands before an IPv4 address`, {
      expected: "'host' or 'net'",
    })
  }
  const parsed = parseDotted(id.text)
  const plain = id.prefix === undefined && id.mask === undefined
  if (qualifier.protocol === 'decnet' && plain) return decnetId(builder, id, qualifier)
  if (parsed === undefined) {
    return builder.refuse('BAD_ADDRESS', id.span, `${id.text} is no IPv4 address`, {
      expected: 'decimal numbers up to 255',
    })
  }
  const shift = 32 - parsed.bits
  const address = (parsed.value * 2 ** shift) >>> 0
  if (plain) {
    if (qualifier.protocol === 'link') {
      builder.refuse('BAD_QUALIFIER', id.span, 'this is no address of the link layer', {
        mend: `leave out the protocol: host ${id.text}`,
      })
    }
    return hasAddress4(builder, address, shift === 32 ? 0 : (ALL_BITS << shift) >>> 0, qualifier, id.span)
  }
  if (qualifier.type !== 'net') refuseMask(builder, id.span)
  return hasAddress4(builder, address, ipv4Mask(builder, id, address), qualifier, id.span)
}

const refuseMask = (builder: FilterBuilder, span: Span): never =>
  builder.refuse('BAD_QUALIFIER', span, 'only a network has a mask', { mend: "write 'net' before it" })

function ipv4Mask(builder: FilterBuilder, id: Extract<Id, { form: 'ipv4' }>, address: number): number {
  let mask: number
  if (id.mask === undefined) {
    const prefix = id.prefix ?? 32
    if (prefix > 32)
      builder.refuse('BAD_VALUE', id.span, `/${prefix} is too long a prefix`, { expected: '0 to 32' })
    mask = prefix === 0 ? 0 : (ALL_BITS << (32 - prefix)) >>> 0
  } else {
    const parsed = parseDotted(id.mask)
    if (parsed === undefined) {
      return builder.refuse('BAD_ADDRESS', id.span, `${id.mask} is no mask`, {
        expected: 'decimal numbers up to 255',
      })
    }
    mask = (parsed.value * 2 ** (32 - parsed.bits)) >>> 0
  }
  if ((address & ~mask) !== 0) {
    const network = [24, 16, 8, 0].map((bits) => ((address & mask) >>> bits) & 0xff).join('.')
    builder.refuse('BAD_ADDRESS', id.span, 'the address has bits that the mask leaves out', {
      mend: `the network is ${network}`,
    })
  }
  return mask
}

function decnetId(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'ipv4' }>,
  qualifier: Qualifier,
): FilterCondition {
  if (!/^\d+\.\d+/.test(id.text)) {
    builder.refuse('BAD_ADDRESS', id.span, `${id.text} is no address of DECnet`, { expected: 'area.node' })
  }
  const [area, node] = id.text.split('.').map(Number)
  return hasDecnetAddress(builder, ((area! << 10) & 0xfc00) | (node! & 0x3ff), qualifier, id.span)
}

/** An IPv6 address, as a host or a network. */
export function ipv6Id(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'ipv6' }>,
  qualifier: Qualifier,
): FilterCondition {
  const address = parseIpv6(id.text)
  if (address === undefined) {
    return builder.refuse('BAD_ADDRESS', id.span, `${id.text} is no IPv6 address`)
  }
  const prefix = id.prefix ?? 128
  if (prefix > 128)
    builder.refuse('BAD_VALUE', id.span, `/${prefix} is too long a prefix`, { expected: '0 to 128' })
  if (address.some((word, index) => (word & ~wordMask(prefix, index)) !== 0)) {
    builder.refuse('BAD_ADDRESS', id.span, `the address has bits behind its first ${prefix}`)
  }
  switch (qualifier.type) {
    case undefined:
    case 'host':
      if (prefix !== 128) refuseMask(builder, id.span)
      break
    case 'net':
      break
    default:
      builder.refuse('BAD_QUALIFIER', id.span, `'${qualifier.type}' stands before an IPv6 address`, {
        expected: "'host' or 'net'",
      })
  }
  return hasAddress6(builder, address, prefix, qualifier, id.span)
}

/** A number as a host or a network: its leading zero bytes, as a network, are left out. */
export function numberAddress(
  builder: FilterBuilder,
  value: number,
  qualifier: Qualifier,
  span: Span,
): FilterCondition {
  if (qualifier.protocol === 'decnet') return hasDecnetAddress(builder, value, qualifier, span)
  if (qualifier.protocol === 'link') {
    return builder.refuse('BAD_QUALIFIER', span, 'a number is no address of the link layer', {
      expected: 'a MAC address, as in 02:00:5e:00:53:01',
    })
  }
  if (qualifier.type !== 'net') return hasAddress4(builder, value, ALL_BITS, qualifier, span)
  const [address, mask] = networkOf(value)
  return hasAddress4(builder, address, mask, qualifier, span)
}

/** A MAC address, or the number of an ARCNET station. */
export function stationId(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'mac' | 'arcnet' }>,
  qualifier: Qualifier,
): FilterCondition {
  const arcnet = id.form === 'arcnet'
  if (arcnet && builder.state.link.stations !== 'arcnet') {
    return builder.refuse(
      'UNSUPPORTED',
      id.span,
      `${id.text} is a station of ARCNET, not of ${builder.state.link.name}`,
    )
  }
  if ((qualifier.type !== undefined && qualifier.type !== 'host') || qualifier.protocol !== 'link') {
    return builder.refuse(
      'BAD_QUALIFIER',
      id.span,
      'an address of the link layer needs a qualifier of its own',
      {
        mend: "write 'ether host' before it",
      },
    )
  }
  if (!arcnet) return hasStation(builder, parseMac(id.text), qualifier.direction, id.span)
  const address = Number.parseInt(id.text.slice(1), 16)
  return (
    arcnetStation(builder, address, qualifier.direction) ??
    refuseDirection(builder, qualifier, 'not for ARCNET')
  )
}

/** The name of a host, of the network or the link layer. */
export function hostName(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
): FilterCondition {
  const { names } = builder.options
  if (qualifier.protocol === 'link') {
    if (builder.state.link.stations === undefined || builder.state.link.stations === 'arcnet') {
      return hasStation(builder, [], qualifier.direction, id.span)
    }
    const address =
      names.station(id.text) ?? unknown(builder, id, 'station', 'ether', 'write its MAC address')
    return hasStation(builder, address, qualifier.direction, id.span)
  }
  if (qualifier.protocol === 'decnet') {
    return builder.refuse(
      'UNKNOWN_NAME',
      id.span,
      `nothing knows the names of DECnet nodes, such as '${id.text}'`,
      {
        mend: 'write area.node',
      },
    )
  }
  const addresses = names.host(id.text) ?? unknown(builder, id, 'host', 'host', 'write its address')
  // Without a type on the link, ARP is not looked for.
  const untyped = qualifier.protocol === undefined && builder.state.type.constant === NOT_SET
  const conditions: FilterCondition[] = []
  for (const address of addresses) {
    if (typeof address === 'number') {
      if (qualifier.protocol === 'ip6') continue
      const asked: Qualifier = untyped ? { ...qualifier, protocol: 'ip' } : qualifier
      conditions.push(hasAddress4(builder, address, ALL_BITS, asked, id.span))
    } else {
      if (qualifier.protocol === 'ip') continue
      conditions.push(hasAddress6(builder, address, 128, qualifier, id.span))
    }
  }
  if (conditions.length === 0) {
    const kind = qualifier.protocol === 'ip6' ? 'IPv6' : 'IPv4'
    return builder.refuse('UNKNOWN_NAME', id.span, `the host '${id.text}' has no ${kind} address`)
  }
  return any(...conditions)
}

/** The name of a network. */
export function networkName(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
): FilterCondition {
  const value = builder.options.names.network(id.text)
  if (value === undefined || value === 0) {
    return unknown(builder, id, 'network', 'network', 'write its address, as in 10.0.0.0/8')
  }
  const [address, mask] = networkOf(value)
  return hasAddress4(builder, address, mask, qualifier, id.span)
}

function networkOf(value: number): [address: number, mask: number] {
  let address = value
  let mask = ALL_BITS
  while (address !== 0 && address >>> 24 === 0) {
    address = (address << 8) >>> 0
    mask = (mask << 8) >>> 0
  }
  return [address, mask]
}

/** Packets to or from a host by name whose IP address is not the host's: what it passes on. */
export function gateway(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  qualifier: Qualifier,
): FilterCondition {
  const { names } = builder.options
  const { protocol } = qualifier
  if (protocol !== undefined && !isVersion4(protocol)) {
    builder.refuse('BAD_QUALIFIER', qualifier.span, `'${protocol}' does not go with 'gateway'`)
  }
  const station = names.station(id.text) ?? unknown(builder, id, 'station', 'ether', 'a gateway needs a name')
  const addresses = names.host(id.text) ?? unknown(builder, id, 'host', 'host', 'a gateway needs a name')
  const hosts = addresses.flatMap((address) =>
    typeof address === 'number' ? [hasAddress4(builder, address, ALL_BITS, qualifier, id.span)] : [],
  )
  if (hosts.length === 0) {
    builder.refuse('UNKNOWN_NAME', id.span, `the host '${id.text}' has no IPv4 address`)
  }
  return all(hasStation(builder, station, undefined, id.span), { op: 'not', condition: any(...hosts) })
}

function unknown(
  builder: FilterBuilder,
  id: Extract<Id, { form: 'name' }>,
  what: string,
  method: string,
  mend: string,
): never {
  const asked = builder.options.names.asks(method)
  return builder.refuse('UNKNOWN_NAME', id.span, `the ${what} '${id.text}' is unknown`, {
    mend: asked ? mend : `${mend}, or pass a resolver with ${method}()`,
  })
}

/** To all stations of the link, or all hosts of the network. */
export function broadcast(
  builder: FilterBuilder,
  protocol: Protocol | undefined,
  span: Span,
): FilterCondition {
  const { link } = builder.state
  if (protocol === undefined || protocol === 'link') {
    if (link.stations === 'arcnet') return equals(builder.load('header', 1, 1), 0)
    if (link.stations === undefined) {
      return builder.refuse('UNSUPPORTED', span, `${link.name} has no broadcasts`)
    }
    return hasStation(builder, BROADCAST, 'dst', span)
  }
  if (protocol !== 'ip') {
    return builder.refuse('BAD_QUALIFIER', span, `'${protocol}' has no broadcasts`, {
      expected: "'ether' or 'ip'",
    })
  }
  const { netmask } = builder.options
  if (netmask === undefined) {
    return builder.refuse('BAD_OPTION', span, "'ip broadcast' needs the network's mask", {
      mend: 'pass the option netmask',
    })
  }
  const type = carries(builder, ETHER.IP, span)
  const hostBits = ~netmask >>> 0
  const host = (value: number): FilterCondition => equals(builder.load('network', 16, 4), value, hostBits)
  return all(type, any(host(0), host(hostBits)))
}

/** To a group of stations or hosts. */
export function multicast(
  builder: FilterBuilder,
  protocol: Protocol | undefined,
  span: Span,
): FilterCondition {
  const { link } = builder.state
  if (protocol === 'ip') {
    return all(carries(builder, ETHER.IP, span), atLeast(builder.load('network', 16, 1), 224))
  }
  if (protocol === 'ip6') {
    return all(carries(builder, ETHER.IP6, span), equals(builder.load('network', 24, 1), 0xff))
  }
  if (protocol !== undefined && protocol !== 'link') {
    return builder.refuse('BAD_QUALIFIER', span, `'${protocol}' has no multicasts`, {
      expected: "'ether', 'ip' or 'ip6'",
    })
  }
  if (link.stations === undefined)
    return builder.refuse('UNSUPPORTED', span, `${link.name} has no multicasts`)
  if (link.stations === 'arcnet') return equals(builder.load('header', 1, 1), 0)
  if (link.stations === 'wlan') return wlanMulticast(builder)
  const group = hasBits(builder.load('header', link.stations.dst, 1), 1)
  return link.test === 'ethernet' ? all(outerCheck(builder), group) : group
}
