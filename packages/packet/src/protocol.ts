/** EtherType values (IEEE 802 numbers). */
export const ETHERTYPE: {
  readonly IPV4: 0x0800
  readonly ARP: 0x0806
  readonly VLAN: 0x8100
  readonly IPV6: 0x86dd
  readonly QINQ: 0x88a8
} = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd, QINQ: 0x88a8 }

/** IP protocol numbers, which IPv6 has for its extension headers, too (IANA). */
export const IPPROTO: {
  readonly HOPOPTS: 0
  readonly ICMP: 1
  readonly IGMP: 2
  readonly IPIP: 4
  readonly TCP: 6
  readonly UDP: 17
  readonly IPV6: 41
  readonly ROUTING: 43
  readonly FRAGMENT: 44
  readonly GRE: 47
  readonly ESP: 50
  readonly AH: 51
  readonly ICMPV6: 58
  readonly NONE: 59
  readonly DSTOPTS: 60
  readonly SCTP: 132
} = {
  HOPOPTS: 0,
  ICMP: 1,
  IGMP: 2,
  IPIP: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  NONE: 59,
  DSTOPTS: 60,
  SCTP: 132,
}
