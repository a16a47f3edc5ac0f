import type { ClassicPacketInfo } from '../src/index.ts'

const ETH_HLEN = 14
const VLAN_HLEN = 4
/** ARPHRD_LOOPBACK */
const HATYPE = 772
const [PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST] = [0, 2, 3]
const [ETH_P_802_3, ETH_P_802_2, ETH_P_8021Q, ETH_P_8021AD] = [0x0001, 0x0004, 0x8100, 0x88a8]
/** Below it, the field is the length of an IEEE 802.3 frame. */
const ETH_P_802_3_MIN = 0x600

/** What comes out of the loopback device where a frame goes in: an outer VLAN tag moves into the metadata. */
export interface Arrival {
  readonly frame: Uint8Array
  readonly info: ClassicPacketInfo
}

const be16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!

/** The protocol of a frame whose type or length is at `at` (net/ethernet/eth.c, eth_type_trans). */
function protocolAt(frame: Uint8Array, at: number): number {
  const type = be16(frame, at)
  if (type >= ETH_P_802_3_MIN) return type
  return frame.length >= at + 4 && be16(frame, at + 2) === 0xffff ? ETH_P_802_3 : ETH_P_802_2
}

/** The device's own address is all zeros, and so is its broadcast address. */
function pkttypeOf(frame: Uint8Array): number {
  const to = frame.subarray(0, 6)
  if (to.every((byte) => byte === 0)) return PACKET_HOST!
  return to[0]! & 1 ? PACKET_MULTICAST! : PACKET_OTHERHOST!
}

/** Shortest frame with this type that arrives: the kernel drops those whose tag is cut. */
export const leastFrame = (type: number): number =>
  type === ETH_P_8021Q || type === ETH_P_8021AD ? ETH_HLEN + VLAN_HLEN + 2 : ETH_HLEN + 1

/** What packet sockets see of a frame that was sent to the loopback device. */
export function arrivalOf(sent: Uint8Array, mark: number, cpu: number): Arrival {
  const type = be16(sent, 12)
  const tagged = type === ETH_P_8021Q || type === ETH_P_8021AD
  const frame = tagged ? Uint8Array.of(...sent.subarray(0, 12), ...sent.subarray(12 + VLAN_HLEN)) : sent
  const info: ClassicPacketInfo = {
    protocol: tagged ? protocolAt(sent, 12 + VLAN_HLEN) : protocolAt(sent, 12),
    pkttype: pkttypeOf(sent),
    ifindex: 1,
    hatype: HATYPE,
    mark,
    cpu,
    ...(tagged ? { vlan_tag: be16(sent, 14), vlan_tag_present: 1, vlan_tpid: type } : {}),
  }
  return { frame, info }
}
