/** bpf_skb_adjust_room and bpf_skb_change_proto: room between a packet's headers (net/core/filter.c). */
import { EALREADY, EFAULT, EINVAL, ENOMEM, ENOTSUPP } from '../../registry/src/layout/errno'
import {
  SKB_DATA,
  SKB_DATA_END,
  SKB_DATA_META,
  SKB_ENCAPSULATION,
  SKB_FRAME_START,
  SKB_GSO_SIZE,
  SKB_HASH,
  SKB_LEN,
  SKB_MAC_HEADER,
  SKB_NETWORK_HEADER,
  SKB_PROTOCOL,
  SKB_TUNNEL,
} from '../../registry/src/layout/skb'
import { pointer, result } from './env'
import { ETH_P_IP, ETH_P_IPV6, IPV4_HLEN, IPV6_HLEN, protocolOf, resetChecksum } from './skb-state'

const BPF_ADJ_ROOM_NET: u32 = 0
const BPF_ADJ_ROOM_MAC: u32 = 1
const BPF_F_ADJ_ROOM_FIXED_GSO: u64 = 1 << 0
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4: u64 = 1 << 1
const BPF_F_ADJ_ROOM_ENCAP_L3_IPV6: u64 = 1 << 2
const BPF_F_ADJ_ROOM_ENCAP_L4_GRE: u64 = 1 << 3
const BPF_F_ADJ_ROOM_ENCAP_L4_UDP: u64 = 1 << 4
const BPF_F_ADJ_ROOM_NO_CSUM_RESET: u64 = 1 << 5
const BPF_F_ADJ_ROOM_ENCAP_L2_ETH: u64 = 1 << 6
const BPF_F_ADJ_ROOM_DECAP_L3_IPV4: u64 = 1 << 7
const BPF_F_ADJ_ROOM_DECAP_L3_IPV6: u64 = 1 << 8
const BPF_ADJ_ROOM_ENCAP_L2_SHIFT: u64 = 56
const ENCAP_L3: u64 = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6
const ENCAP_L4: u64 = BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP
const DECAP_L3: u64 = BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_DECAP_L3_IPV6
const KNOWN: u64 =
  BPF_F_ADJ_ROOM_FIXED_GSO |
  ENCAP_L3 |
  ENCAP_L4 |
  BPF_F_ADJ_ROOM_NO_CSUM_RESET |
  BPF_F_ADJ_ROOM_ENCAP_L2_ETH |
  DECAP_L3 |
  ((<u64>0xff) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)
/** What may go with removing room. */
const SHRINKING: u64 = BPF_F_ADJ_ROOM_FIXED_GSO | DECAP_L3 | BPF_F_ADJ_ROOM_NO_CSUM_RESET
const ETH_HLEN: u32 = 14
const MOST_DIFFERENCE: u32 = 0xfff
/** BPF_SKB_MAX_LEN: four pages less struct skb_shared_info. */
const MAX_LEN: u32 = 16384 - 320

/** Moves the first `off` bytes by `delta`, and all that points to them or to the network header. */
function moveHeaders(skb: usize, off: u32, delta: i32): void {
  const data = load<u32>(skb, SKB_DATA)
  memory.copy(data + delta, data, off)
  if (delta < 0) memory.fill(data + delta + off, 0, -delta)
  if (load<u32>(skb, SKB_DATA_META) == data) store<u32>(skb, data + delta, SKB_DATA_META)
  store<u32>(skb, data + delta, SKB_DATA)
  store<u32>(skb, load<u32>(skb, SKB_MAC_HEADER) + delta, SKB_MAC_HEADER)
  store<u32>(skb, load<u32>(skb, SKB_NETWORK_HEADER) + delta, SKB_NETWORK_HEADER)
  store<u32>(skb, load<u32>(skb, SKB_LEN) - delta, SKB_LEN)
}

/** bpf_skb_net_hdr_push: as much as the frame has in front of the packet. */
function push(skb: usize, off: u32, size: u32): i32 {
  if (load<u32>(skb, SKB_DATA) - load<u32>(skb, SKB_FRAME_START) < size) return -ENOMEM
  moveHeaders(skb, off, -(<i32>size))
  return 0
}

/** bpf_skb_net_hdr_pop. */
function pop(skb: usize, off: u32, size: u32): i32 {
  if (load<u32>(skb, SKB_DATA_END) - load<u32>(skb, SKB_DATA) < off + size) return -ENOMEM
  moveHeaders(skb, off, size)
  return 0
}

/** bpf_skb_change_protocol: where the packet was to go is no longer known. */
function changeProtocol(skb: usize, protocol: u32): void {
  store<u32>(skb, protocol, SKB_PROTOCOL)
  store<u32>(skb, 0, SKB_TUNNEL)
}

function grow(skb: usize, off: u32, size: u32, flags: u64): i32 {
  const innerMac = <u32>(flags >> BPF_ADJ_ROOM_ENCAP_L2_SHIFT)
  const encapsulates = (flags & ENCAP_L3) != 0
  const macLength = load<u32>(skb, SKB_NETWORK_HEADER) - load<u32>(skb, SKB_MAC_HEADER)
  if (encapsulates) {
    if ((flags & ENCAP_L3) == ENCAP_L3 || (flags & ENCAP_L4) == ENCAP_L4) return -EINVAL
    if ((flags & BPF_F_ADJ_ROOM_ENCAP_L2_ETH) != 0 && innerMac < ETH_HLEN) return -EINVAL
    if (load<u8>(skb, SKB_ENCAPSULATION) != 0) return -EALREADY
    if (innerMac > size) return -EINVAL
  }
  const failed = push(skb, off, size)
  if (failed != 0) return failed
  if (encapsulates) {
    store<u8>(skb, 1, SKB_ENCAPSULATION)
    store<u32>(skb, load<u32>(skb, SKB_DATA) + macLength, SKB_NETWORK_HEADER)
    const protocol = protocolOf(skb)
    if (protocol == ETH_P_IP && (flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) != 0) changeProtocol(skb, ETH_P_IPV6)
    else if (protocol == ETH_P_IPV6 && (flags & BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) != 0) changeProtocol(skb, ETH_P_IP)
  }
  return 0
}

function shrink(skb: usize, off: u32, size: u32, flags: u64): i32 {
  if ((flags & ~SHRINKING) != 0) return -EINVAL
  const failed = pop(skb, off, size)
  if (failed != 0) return failed
  const protocol = protocolOf(skb)
  if (protocol == ETH_P_IP && (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV6) != 0) changeProtocol(skb, ETH_P_IPV6)
  else if (protocol == ETH_P_IPV6 && (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4) != 0) changeProtocol(skb, ETH_P_IP)
  return 0
}

export function skb_adjust_room(context: u64, difference: u64, mode: u64, flags: u64, r5: u64): u64 {
  const skb = pointer(context)
  const delta = <i32>difference
  const size = <u32>abs<i32>(delta)
  const protocol = protocolOf(skb)
  if ((flags & ~KNOWN) != 0) return result(-EINVAL)
  if (size > MOST_DIFFERENCE) return result(-EFAULT)
  if (protocol != ETH_P_IP && protocol != ETH_P_IPV6) return result(-ENOTSUPP)
  const base = protocol == ETH_P_IP ? IPV4_HLEN : IPV6_HLEN
  const network = load<u32>(skb, SKB_NETWORK_HEADER)
  let off = network - load<u32>(skb, SKB_MAC_HEADER)
  if (<u32>mode == BPF_ADJ_ROOM_NET) off += base
  else if (<u32>mode != BPF_ADJ_ROOM_MAC) return result(-ENOTSUPP)
  let least = base
  if ((flags & DECAP_L3) != 0) {
    if (delta >= 0 || (flags & DECAP_L3) == DECAP_L3) return result(-EINVAL)
    least = (flags & BPF_F_ADJ_ROOM_DECAP_L3_IPV4) != 0 ? IPV4_HLEN : IPV6_HLEN
  }
  const length = load<u32>(skb, SKB_LEN)
  const rest = length - (network - load<u32>(skb, SKB_DATA))
  const impossible =
    delta < 0
      ? size >= rest || rest - size < least
      : length + size > MAX_LEN && load<u32>(skb, SKB_GSO_SIZE) == 0
  if (impossible) return result(-ENOTSUPP)
  const failed = delta < 0 ? shrink(skb, off, size, flags) : grow(skb, off, size, flags)
  if (failed != 0) return result(failed)
  if ((flags & BPF_F_ADJ_ROOM_NO_CSUM_RESET) == 0) resetChecksum(skb)
  return 0
}

/** `protocol` is big-endian, as the context has it. */
export function skb_change_proto(context: u64, wanted: u64, flags: u64, r4: u64, r5: u64): u64 {
  if (flags != 0) return result(-EINVAL)
  const skb = pointer(context)
  const from = protocolOf(skb)
  const to = <u32>wanted & 0xffff
  const off = load<u32>(skb, SKB_NETWORK_HEADER) - load<u32>(skb, SKB_MAC_HEADER)
  const size = IPV6_HLEN - IPV4_HLEN
  let failed = -ENOTSUPP
  if (from == ETH_P_IP && to == ETH_P_IPV6) failed = push(skb, off, size)
  else if (from == ETH_P_IPV6 && to == ETH_P_IP) failed = pop(skb, off, size)
  if (failed != 0) return result(failed)
  store<u32>(skb, to, SKB_PROTOCOL)
  store<u32>(skb, 0, SKB_HASH)
  return 0
}
