/** bpf_skb_vlan_push and _pop (net/core/skbuff.c): the outermost tag lies beside the packet, further ones in it. */
import { EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import {
  SKB_DATA,
  SKB_DATA_END,
  SKB_DATA_META,
  SKB_FRAME_START,
  SKB_LEN,
  SKB_MAC_HEADER,
  SKB_PROTOCOL,
  SKB_VLAN_PRESENT,
  SKB_VLAN_PROTO,
  SKB_VLAN_TCI,
} from '../../registry/src/layout/skb'
import { pointer, result } from './env'

// Big-endian, as the context has them.
const ETH_P_8021Q: u32 = 0x0081
const ETH_P_8021AD: u32 = 0xa888
const ETH_P_802_3: u32 = 0x0100
const ETH_P_802_2: u32 = 0x0400
/** Both addresses of an Ethernet header. */
const ADDRESSES: u32 = 12
const VLAN_HLEN: u32 = 4
const VLAN_ETH_HLEN: u32 = 18

@inline
function isVlan(protocol: u32): bool {
  return protocol == ETH_P_8021Q || protocol == ETH_P_8021AD
}

/** Moves the packet's start by `delta` with its addresses, metadata pointer and link-layer header. */
function moveStart(skb: usize, delta: i32): void {
  const data = load<u32>(skb, SKB_DATA)
  memory.copy(data + delta, data, ADDRESSES)
  if (load<u32>(skb, SKB_DATA_META) == data) store<u32>(skb, data + delta, SKB_DATA_META)
  store<u32>(skb, data + delta, SKB_DATA)
  store<u32>(skb, load<u32>(skb, SKB_MAC_HEADER) + delta, SKB_MAC_HEADER)
  store<u32>(skb, load<u32>(skb, SKB_LEN) - delta, SKB_LEN)
}

export function skb_vlan_push(context: u64, protocol: u64, tci: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  const wanted = <u32>protocol & 0xffff
  if (load<u32>(skb, SKB_VLAN_PRESENT) != 0) {
    const data = load<u32>(skb, SKB_DATA)
    if (data != load<u32>(skb, SKB_MAC_HEADER)) return result(-EINVAL)
    if (data - load<u32>(skb, SKB_FRAME_START) < VLAN_HLEN) return result(-ENOMEM)
    moveStart(skb, -(<i32>VLAN_HLEN))
    const tag = data - VLAN_HLEN + ADDRESSES
    store<u16>(tag, <u16>load<u32>(skb, SKB_VLAN_PROTO))
    store<u16>(tag, bswap<u16>(<u16>load<u32>(skb, SKB_VLAN_TCI)), 2)
    store<u32>(skb, load<u32>(skb, SKB_VLAN_PROTO), SKB_PROTOCOL)
  }
  store<u32>(skb, 1, SKB_VLAN_PRESENT)
  store<u32>(skb, isVlan(wanted) ? wanted : ETH_P_8021Q, SKB_VLAN_PROTO)
  store<u32>(skb, <u32>tci & 0xffff, SKB_VLAN_TCI)
  return 0
}

/** __skb_vlan_pop: takes the tag out of the packet; its tci, or a negative errno. */
function takeTag(skb: usize): i32 {
  const data = load<u32>(skb, SKB_DATA)
  if (load<u32>(skb, SKB_DATA_END) - data < VLAN_ETH_HLEN) return -ENOMEM
  const tci = bswap<u16>(load<u16>(data + ADDRESSES, 2))
  const inner = <u32>load<u16>(data + ADDRESSES, 4)
  // vlan_set_encap_proto: below 1536 the field is a length.
  let protocol = inner
  if (bswap<u16>(<u16>inner) < 1536) {
    protocol = load<u16>(data + VLAN_ETH_HLEN) == 0xffff ? ETH_P_802_3 : ETH_P_802_2
  }
  store<u32>(skb, protocol, SKB_PROTOCOL)
  moveStart(skb, VLAN_HLEN)
  return tci
}

export function skb_vlan_pop(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  if (load<u32>(skb, SKB_VLAN_PRESENT) != 0) {
    store<u32>(skb, 0, SKB_VLAN_PRESENT)
    store<u32>(skb, 0, SKB_VLAN_PROTO)
    store<u32>(skb, 0, SKB_VLAN_TCI)
  } else {
    if (!isVlan(load<u32>(skb, SKB_PROTOCOL))) return 0
    const taken = takeTag(skb)
    if (taken < 0) return result(taken)
  }
  // The next tag takes its place beside the packet.
  const protocol = load<u32>(skb, SKB_PROTOCOL)
  if (!isVlan(protocol)) return 0
  const tci = takeTag(skb)
  if (tci < 0) return result(tci)
  store<u32>(skb, 1, SKB_VLAN_PRESENT)
  store<u32>(skb, protocol, SKB_VLAN_PROTO)
  store<u32>(skb, tci, SKB_VLAN_TCI)
  return 0
}
