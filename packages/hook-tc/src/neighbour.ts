import { LINKTYPE } from '@skep/packet'
import { skbLayout as skb } from '@skep/registry'
import type { SkbRing } from './skb-ring.ts'

/** Whom a packet must reach next: an address behind a device. */
export interface NeighbourQuery {
  /** The device that the packet leaves by. */
  readonly ifindex: number
  readonly family: 'ipv4' | 'ipv6'
  /** 4 or 16 bytes, in network order. */
  readonly address: Uint8Array
}

/** MAC addresses of a hop, 6 bytes each. */
export interface Hop {
  /** Of the device. */
  readonly source: Uint8Array
  /** Of who has the address. */
  readonly destination: Uint8Array
}

/** The neighbour table of the host, which bpf_redirect_neigh asks; undefined for an address that nobody has. */
export type Neighbour = (query: NeighbourQuery) => Hop | undefined

const AF_INET = 2
const AF_INET6 = 10
const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
const ETH_HLEN = 14
const IPV4_DADDR = 16
const IPV6_DADDR = 24

/**
 * Gives a packet the addresses of its next hop: that which the program named, else of the packet's own destination
 * (__bpf_redirect_neigh of net/core/filter.c). Answers why it cannot, if so.
 */
export function addressTo(
  packets: SkbRing,
  index: number,
  about: { readonly ifindex: number; readonly linkType: number; readonly nexthop: boolean },
  neighbour: Neighbour | undefined,
): string | undefined {
  const { u8 } = packets.arena
  const context = packets.ring.context(index)
  const network = packets.word(index, skb.SKB_NETWORK_HEADER)
  const { data, length } = packets.place(index)
  const protocol = swapped(packets.word(index, skb.SKB_PROTOCOL))
  if (about.linkType !== LINKTYPE.ETHERNET || network - data < ETH_HLEN || u8[data]! & 1)
    return 'bpf_redirect_neigh takes no packet without an Ethernet header of its own address'
  if (protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return 'bpf_redirect_neigh takes IP packets only'
  if (!neighbour) return 'bpf_redirect_neigh asks for neighbours; give options.neighbour'
  let family: NeighbourQuery['family'] = protocol === ETH_P_IP ? 'ipv4' : 'ipv6'
  let address = u8.slice(
    network + (family === 'ipv4' ? IPV4_DADDR : IPV6_DADDR),
    network + (family === 'ipv4' ? IPV4_DADDR + 4 : IPV6_DADDR + 16),
  )
  if (about.nexthop) {
    const wanted = packets.word(index, skb.SKB_NEXTHOP)
    if (wanted !== AF_INET && wanted !== AF_INET6) return `bpf_redirect_neigh knows no family ${wanted}`
    family = wanted === AF_INET ? 'ipv4' : 'ipv6'
    address = u8.slice(
      context + skb.SKB_NEXTHOP + 4,
      context + skb.SKB_NEXTHOP + (wanted === AF_INET ? 8 : 20),
    )
  }
  const hop = neighbour({ ifindex: about.ifindex, family, address })
  if (!hop)
    return `no neighbour of device ${about.ifindex} has ${address.join(family === 'ipv4' ? '.' : ' ')}`
  const start = network - ETH_HLEN
  u8.set(hop.destination.subarray(0, 6), start)
  u8.set(hop.source.subarray(0, 6), start + 6)
  u8[start + 12] = protocol >> 8
  u8[start + 13] = protocol & 0xff
  packets.put(index, skb.SKB_DATA, start)
  packets.put(index, skb.SKB_MAC_HEADER, start)
  packets.put(index, skb.SKB_LEN, length - (start - data))
  return undefined
}

const swapped = (half: number): number => ((half & 0xff) << 8) | ((half >> 8) & 0xff)
