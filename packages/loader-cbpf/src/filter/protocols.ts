/**
 * How a protocol is recognised. `link`: by its Ethernet type or, up to 1500, its LLC service access point; `ip`: by its
 * protocol number, in IPv4, IPv6 or both; `iso`: by its network layer protocol identifier (ISO/IEC TR 9577); `isis`: by its
 * PDU types (ISO/IEC 10589).
 */
export type Recognition =
  | { readonly by: 'link'; readonly type: number }
  | { readonly by: 'ip'; readonly number: number; readonly over: 'ip' | 'ip6' | 'both' }
  | { readonly by: 'iso'; readonly nlpid: number }
  | { readonly by: 'isis'; readonly types: readonly number[] }

export interface ProtocolEntry {
  /** Undefined: the word is a qualifier only. */
  readonly recognition?: Recognition
  /** Where `protocol[0]` is; undefined: it has no bytes of its own to look at. */
  readonly index?: 'link' | 'network' | 'ipv4-payload' | 'ipv6-payload' | 'radio'
}

/** Ethernet types (IEEE 802 numbers). */
export const ETHER = {
  IP: 0x0800,
  ARP: 0x0806,
  TEB: 0x6558,
  RARP: 0x8035,
  VLAN: 0x8100,
  VLAN_AD: 0x88a8,
  VLAN_QINQ: 0x9100,
  IPX: 0x8137,
  IP6: 0x86dd,
  MPLS: 0x8847,
  PPPOED: 0x8863,
  PPPOES: 0x8864,
  DECNET: 0x6003,
  NS: 0x0600,
  ATALK: 0x809b,
  AARP: 0x80f3,
} as const

/** LLC service access points (IEEE 802.2). */
export const SAP = { IP: 0x06, STP: 0x42, SNAP: 0xaa, IPX: 0xe0, NETBEUI: 0xf0, ISO: 0xfe } as const

/** The largest value of an Ethernet type field that is a length. */
export const ETHER_MTU = 1500

/** Protocol numbers of IP (IANA). */
export const IP_PROTO = {
  HOPOPTS: 0,
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  IGRP: 9,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ESP: 50,
  AH: 51,
  ICMP6: 58,
  NONE: 59,
  DSTOPTS: 60,
  PIM: 103,
  VRRP: 112,
  SCTP: 132,
} as const

/** Network layer protocol identifiers. */
export const NLPID = { CLNP: 0x81, ESIS: 0x82, ISIS: 0x83, IP: 0xcc, IP6: 0x8e } as const

const L1_IIH = 15
const L2_IIH = 16
const PTP_IIH = 17
const L1_LSP = 18
const L2_LSP = 20
const L1_CSNP = 24
const L2_CSNP = 25
const L1_PSNP = 26
const L2_PSNP = 27

const network = (type: number): ProtocolEntry => ({ recognition: { by: 'link', type }, index: 'network' })
const link = (type: number): ProtocolEntry => ({ recognition: { by: 'link', type } })
const ip = (number: number, over: 'ip' | 'ip6' | 'both'): ProtocolEntry => ({
  recognition: { by: 'ip', number, over },
})
const transport = (number: number, over: 'ip' | 'both'): ProtocolEntry => ({
  recognition: { by: 'ip', number, over },
  index: 'ipv4-payload',
})
const isis = (...types: number[]): ProtocolEntry => ({ recognition: { by: 'isis', types } })

export type Protocol =
  | 'link'
  | 'ip'
  | 'arp'
  | 'rarp'
  | 'ip6'
  | 'sctp'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'igmp'
  | 'igrp'
  | 'pim'
  | 'vrrp'
  | 'carp'
  | 'icmp6'
  | 'ah'
  | 'esp'
  | 'atalk'
  | 'aarp'
  | 'decnet'
  | 'lat'
  | 'sca'
  | 'moprc'
  | 'mopdl'
  | 'iso'
  | 'esis'
  | 'isis'
  | 'clnp'
  | 'l1'
  | 'l2'
  | 'iih'
  | 'lsp'
  | 'snp'
  | 'csnp'
  | 'psnp'
  | 'stp'
  | 'ipx'
  | 'netbeui'
  | 'radio'

/** Every protocol of the language. */
export const PROTOCOLS: Readonly<Record<Protocol, ProtocolEntry>> = {
  link: { index: 'link' },
  radio: { index: 'radio' },
  ip: network(ETHER.IP),
  arp: network(ETHER.ARP),
  rarp: network(ETHER.RARP),
  ip6: network(ETHER.IP6),
  atalk: network(ETHER.ATALK),
  decnet: network(ETHER.DECNET),
  sca: network(0x6007),
  lat: network(0x6004),
  moprc: network(0x6002),
  mopdl: network(0x6001),
  aarp: link(ETHER.AARP),
  stp: link(SAP.STP),
  ipx: link(SAP.IPX),
  netbeui: link(SAP.NETBEUI),
  iso: link(SAP.ISO),
  sctp: transport(IP_PROTO.SCTP, 'both'),
  tcp: transport(IP_PROTO.TCP, 'both'),
  udp: transport(IP_PROTO.UDP, 'both'),
  icmp: transport(IP_PROTO.ICMP, 'ip'),
  igmp: transport(IP_PROTO.IGMP, 'ip'),
  igrp: transport(IP_PROTO.IGRP, 'ip'),
  pim: transport(IP_PROTO.PIM, 'both'),
  vrrp: transport(IP_PROTO.VRRP, 'ip'),
  // CARP has VRRP's number.
  carp: transport(IP_PROTO.VRRP, 'ip'),
  icmp6: { ...ip(IP_PROTO.ICMP6, 'ip6'), index: 'ipv6-payload' },
  ah: ip(IP_PROTO.AH, 'both'),
  esp: ip(IP_PROTO.ESP, 'both'),
  clnp: { recognition: { by: 'iso', nlpid: NLPID.CLNP } },
  esis: { recognition: { by: 'iso', nlpid: NLPID.ESIS } },
  isis: { recognition: { by: 'iso', nlpid: NLPID.ISIS } },
  l1: isis(L1_PSNP, L1_CSNP, L1_LSP, L1_IIH, PTP_IIH),
  l2: isis(L2_PSNP, L2_CSNP, L2_LSP, L2_IIH, PTP_IIH),
  iih: isis(PTP_IIH, L1_IIH, L2_IIH),
  lsp: isis(L1_LSP, L2_LSP),
  snp: isis(L2_PSNP, L1_PSNP, L1_CSNP, L2_CSNP),
  csnp: isis(L1_CSNP, L2_CSNP),
  psnp: isis(L1_PSNP, L2_PSNP),
}
