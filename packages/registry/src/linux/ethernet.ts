/** What eth_type_trans (net/ethernet/eth.c) finds out about a frame that arrives at the loopback device. */

const ETH_HLEN = 14
const ETH_P_802_3_MIN = 0x0600
const ETH_P_802_3 = 0x0001
const ETH_P_802_2 = 0x0004
export const ETH_P_IP = 0x0800
export const ETH_P_IPV6 = 0x86dd

const PACKET_HOST = 0
const PACKET_MULTICAST = 2
const PACKET_OTHERHOST = 3

/** The protocol, in host order: an EtherType, or one of Linux's own for frames that hold a length instead. */
export function etherProtocol(frame: Uint8Array): number {
  const type = (frame[12]! << 8) | frame[13]!
  if (type >= ETH_P_802_3_MIN) return type
  // IPX without an 802.2 header begins with its checksum, all ones.
  const raw = frame.length >= ETH_HLEN + 2 && frame[14] === 0xff && frame[15] === 0xff
  return raw ? ETH_P_802_3 : ETH_P_802_2
}

/** `skb->pkt_type`: the loopback device's own address, and its broadcast address, are all zeros. */
export function packetType(frame: Uint8Array): number {
  if (frame.subarray(0, 6).every((byte) => byte === 0)) return PACKET_HOST
  return frame[0]! & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST
}
