import { LINKTYPE } from './link-type.ts'
import { walkHeaders } from './parse-packet.ts'
import { IPPROTO } from './protocol.ts'

const labels: { readonly [layer: string]: string } = {
  arp: 'ARP',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
}

/** IP protocols without a header here, and those of later fragments, by their number. */
const protocolLabels = new Map<number, string>([
  [IPPROTO.ICMP, 'ICMP'],
  [IPPROTO.IGMP, 'IGMP'],
  [IPPROTO.TCP, 'TCP'],
  [IPPROTO.UDP, 'UDP'],
  [IPPROTO.GRE, 'GRE'],
  [IPPROTO.ESP, 'ESP'],
  [IPPROTO.AH, 'AH'],
  [IPPROTO.ICMPV6, 'ICMPv6'],
  [IPPROTO.SCTP, 'SCTP'],
])

/**
 * The protocol that a packet is of, in a word: `TCP`, `UDP`, `ICMP`, `ICMPv6`, `ARP`, `IGMP`, and so on; `IPv4` or `IPv6`
 * if what it carries is unknown; else `other`. Fragments count with the protocol of their datagram, tunnels with the
 * innermost.
 */
export function summarize(packet: Uint8Array, linkType: number = LINKTYPE.ETHERNET): string {
  let label = 'other'
  for (const { name, fields } of walkHeaders(packet, linkType)) {
    label = labels[name] ?? label
    const protocol =
      'protocol' in fields ? fields.protocol : 'nextHeader' in fields ? fields.nextHeader : undefined
    if (protocol !== undefined) label = protocolLabels.get(protocol) ?? label
  }
  return label
}
