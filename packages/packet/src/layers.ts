import { ipv4 as ipv4Address, ipv6 as ipv6Address, mac } from './address.ts'
import { address, defineHeader, flags, type HeaderCodec, uint } from './header.ts'
import { ETHERTYPE, IPPROTO } from './protocol.ts'

/** Ethernet II (IEEE 802.3, clause 3). */
export interface EthernetFields {
  /** MAC addresses in text. */
  readonly dst: string
  readonly src: string
  /** `ETHERTYPE`, or up to 1,500 the length of an 802.3 frame. */
  readonly type: number
}

/** A VLAN tag (IEEE 802.1Q); the type before it is ETHERTYPE.VLAN or QINQ. */
export interface VlanFields {
  readonly priority: number
  readonly dropEligible: number
  readonly id: number
  /** The `ETHERTYPE` of what follows. */
  readonly type: number
}

/** ARP for IPv4 over Ethernet (RFC 826). */
export interface ArpFields {
  readonly hardwareType: number
  readonly protocolType: number
  readonly hardwareLength: number
  readonly protocolLength: number
  /** 1 asks, 2 answers. */
  readonly operation: number
  readonly senderMac: string
  readonly senderIp: string
  readonly targetMac: string
  readonly targetIp: string
}

/** IPv4 (RFC 791). */
export interface Ipv4Fields {
  readonly version: number
  /** Of the header with its options, in 32-bit words. */
  readonly headerLength: number
  readonly tos: number
  /** Of the header and what follows, in bytes. */
  readonly totalLength: number
  readonly id: number
  /** More fragments, don't fragment; `reserved` is never set. */
  readonly flags: readonly ('mf' | 'df' | 'reserved')[]
  /** In units of 8 bytes. */
  readonly fragmentOffset: number
  readonly ttl: number
  /** `IPPROTO` */
  readonly protocol: number
  readonly checksum: number
  readonly src: string
  readonly dst: string
}

/** IPv6 (RFC 8200). */
export interface Ipv6Fields {
  readonly version: number
  readonly trafficClass: number
  readonly flowLabel: number
  /** Of what follows the 40 bytes of this header. */
  readonly payloadLength: number
  /** `IPPROTO` */
  readonly nextHeader: number
  readonly hopLimit: number
  readonly src: string
  readonly dst: string
}

/** Hop-by-hop or destination options (RFC 8200, 4.3 and 4.6). */
export interface OptionsFields {
  readonly nextHeader: number
  /** In units of 8 bytes, not counting the first 8. */
  readonly headerLength: number
}

/** A routing header (RFC 8200, 4.4). */
export interface RoutingFields extends OptionsFields {
  readonly type: number
  readonly segmentsLeft: number
}

/** A fragment header (RFC 8200, 4.5). */
export interface FragmentFields {
  readonly nextHeader: number
  readonly reserved: number
  /** In units of 8 bytes. */
  readonly fragmentOffset: number
  /** `mf`: more fragments follow. */
  readonly flags: readonly ('mf' | 'reserved1' | 'reserved2')[]
  readonly id: number
}

export type TcpFlag = 'fin' | 'syn' | 'rst' | 'psh' | 'ack' | 'urg' | 'ece' | 'cwr'

/** TCP (RFC 9293). */
export interface TcpFields {
  readonly srcPort: number
  readonly dstPort: number
  readonly seq: number
  readonly ack: number
  /** Of the header with its options, in 32-bit words. */
  readonly dataOffset: number
  readonly reserved: number
  readonly flags: readonly TcpFlag[]
  readonly window: number
  readonly checksum: number
  readonly urgent: number
}

/** UDP (RFC 768). */
export interface UdpFields {
  readonly srcPort: number
  readonly dstPort: number
  /** Of the header and what follows, in bytes. */
  readonly length: number
  /** 0: none was calculated. */
  readonly checksum: number
}

/** ICMP (RFC 792) and ICMPv6 (RFC 4443). */
export interface IcmpFields {
  readonly type: number
  readonly code: number
  readonly checksum: number
  /** Of an echo; in other messages the halves of the header's second word. */
  readonly id: number
  readonly sequence: number
}

const options = (name: string): HeaderCodec<OptionsFields> =>
  defineHeader<OptionsFields>(name, { nextHeader: uint(8), headerLength: uint(8) })

const icmp = (name: string): HeaderCodec<IcmpFields> =>
  defineHeader<IcmpFields>(name, {
    type: uint(8),
    code: uint(8),
    checksum: uint(16),
    id: uint(16),
    sequence: uint(16),
  })

/** The fixed parts of all headers, field by field in the order of the wire. */
export interface Headers {
  readonly ethernet: HeaderCodec<EthernetFields>
  readonly vlan: HeaderCodec<VlanFields>
  readonly arp: HeaderCodec<ArpFields>
  readonly ipv4: HeaderCodec<Ipv4Fields>
  readonly ipv6: HeaderCodec<Ipv6Fields>
  readonly hopopts: HeaderCodec<OptionsFields>
  readonly routing: HeaderCodec<RoutingFields>
  readonly fragment: HeaderCodec<FragmentFields>
  readonly dstopts: HeaderCodec<OptionsFields>
  readonly tcp: HeaderCodec<TcpFields>
  readonly udp: HeaderCodec<UdpFields>
  readonly icmp: HeaderCodec<IcmpFields>
  readonly icmpv6: HeaderCodec<IcmpFields>
}

export const headers: Headers = {
  ethernet: defineHeader('ethernet', { dst: address(mac), src: address(mac), type: uint(16) }),
  vlan: defineHeader('vlan', { priority: uint(3), dropEligible: uint(1), id: uint(12), type: uint(16) }),
  arp: defineHeader('arp', {
    hardwareType: uint(16),
    protocolType: uint(16),
    hardwareLength: uint(8),
    protocolLength: uint(8),
    operation: uint(16),
    senderMac: address(mac),
    senderIp: address(ipv4Address),
    targetMac: address(mac),
    targetIp: address(ipv4Address),
  }),
  ipv4: defineHeader('ipv4', {
    version: uint(4),
    headerLength: uint(4),
    tos: uint(8),
    totalLength: uint(16),
    id: uint(16),
    flags: flags('mf', 'df', 'reserved'),
    fragmentOffset: uint(13),
    ttl: uint(8),
    protocol: uint(8),
    checksum: uint(16),
    src: address(ipv4Address),
    dst: address(ipv4Address),
  }),
  ipv6: defineHeader('ipv6', {
    version: uint(4),
    trafficClass: uint(8),
    flowLabel: uint(20),
    payloadLength: uint(16),
    nextHeader: uint(8),
    hopLimit: uint(8),
    src: address(ipv6Address),
    dst: address(ipv6Address),
  }),
  hopopts: options('hopopts'),
  routing: defineHeader('routing', {
    nextHeader: uint(8),
    headerLength: uint(8),
    type: uint(8),
    segmentsLeft: uint(8),
  }),
  fragment: defineHeader('fragment', {
    nextHeader: uint(8),
    reserved: uint(8),
    fragmentOffset: uint(13),
    flags: flags('mf', 'reserved1', 'reserved2'),
    id: uint(32),
  }),
  dstopts: options('dstopts'),
  tcp: defineHeader('tcp', {
    srcPort: uint(16),
    dstPort: uint(16),
    seq: uint(32),
    ack: uint(32),
    dataOffset: uint(4),
    reserved: uint(4),
    flags: flags('fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'),
    window: uint(16),
    checksum: uint(16),
    urgent: uint(16),
  }),
  udp: defineHeader('udp', { srcPort: uint(16), dstPort: uint(16), length: uint(16), checksum: uint(16) }),
  icmp: icmp('icmp'),
  icmpv6: icmp('icmpv6'),
}

/** The bytes behind the fixed part of a header, within its length. */
interface WithOptions {
  readonly options: Uint8Array
}

/** What is known of each header. */
export interface HeaderFields {
  readonly ethernet: EthernetFields
  readonly vlan: VlanFields
  readonly arp: ArpFields
  readonly ipv4: Ipv4Fields & WithOptions
  readonly ipv6: Ipv6Fields
  readonly hopopts: OptionsFields & WithOptions
  readonly routing: RoutingFields & WithOptions
  readonly fragment: FragmentFields
  readonly dstopts: OptionsFields & WithOptions
  readonly tcp: TcpFields & WithOptions
  readonly udp: UdpFields
  readonly icmp: IcmpFields
  readonly icmpv6: IcmpFields
}

export type HeaderName = keyof HeaderFields

/** A header as a layer: its fields, and which one it is. */
export type HeaderLayer<N extends HeaderName = HeaderName> = {
  [K in N]: { readonly layer: K } & HeaderFields[K]
}[N]

/** Bytes that are no header: `payload` behind the last one known, `trailer` behind the end that a header states. */
export type DataLayer =
  | { readonly layer: 'payload'; readonly data: Uint8Array }
  | { readonly layer: 'trailer'; readonly data: Uint8Array }

export type Layer = HeaderLayer | DataLayer
export type LayerName = Layer['layer']

/** The layer that an EtherType announces, and the other way round; the first of two for the same layer is written. */
export const etherTypes: readonly (readonly [type: number, layer: LayerName])[] = [
  [ETHERTYPE.IPV4, 'ipv4'],
  [ETHERTYPE.ARP, 'arp'],
  [ETHERTYPE.IPV6, 'ipv6'],
  [ETHERTYPE.VLAN, 'vlan'],
  [ETHERTYPE.QINQ, 'vlan'],
]

/** The same for IP protocol numbers. */
export const ipProtocols: readonly (readonly [protocol: number, layer: LayerName])[] = [
  [IPPROTO.TCP, 'tcp'],
  [IPPROTO.UDP, 'udp'],
  [IPPROTO.ICMP, 'icmp'],
  [IPPROTO.ICMPV6, 'icmpv6'],
  [IPPROTO.IPIP, 'ipv4'],
  [IPPROTO.IPV6, 'ipv6'],
  [IPPROTO.HOPOPTS, 'hopopts'],
  [IPPROTO.ROUTING, 'routing'],
  [IPPROTO.FRAGMENT, 'fragment'],
  [IPPROTO.DSTOPTS, 'dstopts'],
]
