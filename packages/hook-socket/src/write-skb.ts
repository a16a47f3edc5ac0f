import { skbLayout as skb } from '@skep/registry'

/** What a __sk_buff says of a packet that nobody moves: arena addresses, and numbers. */
export interface SkbPacket {
  readonly data: number
  readonly end: number
  readonly mac: number
  readonly network: number
  /** Bytes; of a packet that was cut, those that it had. */
  readonly length: number
  /** EtherType in network byte order, as a little-endian machine reads it. */
  readonly protocol: number
  readonly ifindex: number
}

/** Writes a context of zeros. */
export function writeSkb(u32: Uint32Array, context: number, packet: SkbPacket): void {
  const put = (offset: number, value: number): void => {
    u32[(context + offset) >> 2] = value
  }
  const { data, end, ifindex } = packet
  put(skb.SKB_LEN, packet.length)
  put(skb.SKB_PROTOCOL, packet.protocol)
  put(skb.SKB_INGRESS_IFINDEX, ifindex)
  put(skb.SKB_IFINDEX, ifindex)
  put(skb.SKB_DATA, data)
  put(skb.SKB_DATA_META, data)
  put(skb.SKB_DATA_END, end)
  put(skb.SKB_FRAME_START, packet.mac)
  put(skb.SKB_FRAME_END, end)
  put(skb.SKB_MAC_HEADER, packet.mac)
  put(skb.SKB_NETWORK_HEADER, packet.network)
}
