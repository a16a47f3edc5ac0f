/** What goes with a packet beside its bytes: hash, checksum level, time stamp, congestion mark (net/core/filter.c). */
import { EACCES, EINVAL, EOPNOTSUPP } from '../../registry/src/layout/errno'
import {
  CHECKSUM_COMPLETE,
  CHECKSUM_NONE,
  CHECKSUM_UNNECESSARY,
  SKB_CSUM,
  SKB_CSUM_LEVEL,
  SKB_DATA,
  SKB_DATA_END,
  SKB_HASH,
  SKB_IP_SUMMED,
  SKB_NETWORK_HEADER,
  SKB_PROTOCOL,
  SKB_TSTAMP,
  SKB_TSTAMP_TYPE,
} from '../../registry/src/layout/skb'
import { add32, sub32 } from './checksum'
import { pointer, result } from './env'
import { flowHash } from './flow'

// Big-endian, as the context has them.
export const ETH_P_IP: u32 = 0x0008
export const ETH_P_IPV6: u32 = 0xdd86
export const IPV4_HLEN: u32 = 20
export const IPV6_HLEN: u32 = 40

const BPF_CSUM_LEVEL_QUERY: u64 = 0
const BPF_CSUM_LEVEL_INC: u64 = 1
const BPF_CSUM_LEVEL_DEC: u64 = 2
const BPF_CSUM_LEVEL_RESET: u64 = 3
const SKB_MAX_CSUM_LEVEL: u8 = 3
const BPF_SKB_CLOCK_REALTIME: u32 = 0
const BPF_SKB_CLOCK_TAI: u32 = 2
const INET_ECN_NOT_ECT: u8 = 0
const INET_ECN_CE: u8 = 3
const INET_ECN_MASK: u8 = 3

@inline
export function protocolOf(skb: usize): u32 {
  return load<u32>(skb, SKB_PROTOCOL) & 0xffff
}

/** skb_get_hash: never 0, and the same for a flow until bytes of its headers change. */
export function get_hash_recalc(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  let hash = load<u32>(skb, SKB_HASH)
  if (hash == 0) {
    hash = flowHash(load<u32>(skb, SKB_NETWORK_HEADER), load<u32>(skb, SKB_DATA_END), protocolOf(skb))
    store<u32>(skb, hash, SKB_HASH)
  }
  return hash
}

/** __skb_reset_checksum_unnecessary. */
export function resetChecksum(skb: usize): void {
  if (load<u32>(skb, SKB_IP_SUMMED) != CHECKSUM_UNNECESSARY) return
  store<u32>(skb, CHECKSUM_NONE, SKB_IP_SUMMED)
  store<u8>(skb, 0, SKB_CSUM_LEVEL)
}

export function csum_level(context: u64, level: u64, r3: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  const summed = load<u32>(skb, SKB_IP_SUMMED)
  const now = load<u8>(skb, SKB_CSUM_LEVEL)
  if (level == BPF_CSUM_LEVEL_QUERY) return summed == CHECKSUM_UNNECESSARY ? now : result(-EACCES)
  if (level == BPF_CSUM_LEVEL_INC) {
    if (summed == CHECKSUM_UNNECESSARY) store<u8>(skb, min<u8>(now + 1, SKB_MAX_CSUM_LEVEL), SKB_CSUM_LEVEL)
    else if (summed == CHECKSUM_NONE) {
      store<u32>(skb, CHECKSUM_UNNECESSARY, SKB_IP_SUMMED)
      store<u8>(skb, 0, SKB_CSUM_LEVEL)
    }
    return 0
  }
  if (level == BPF_CSUM_LEVEL_DEC) {
    if (summed != CHECKSUM_UNNECESSARY) return 0
    if (now == 0) store<u32>(skb, CHECKSUM_NONE, SKB_IP_SUMMED)
    else store<u8>(skb, now - 1, SKB_CSUM_LEVEL)
    return 0
  }
  if (level != BPF_CSUM_LEVEL_RESET) return result(-EINVAL)
  resetChecksum(skb)
  return 0
}

export function skb_set_tstamp(context: u64, tstamp: u64, type: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  const protocol = protocolOf(skb)
  if (protocol != ETH_P_IP && protocol != ETH_P_IPV6) return result(-EOPNOTSUPP)
  const clock = <u32>type
  if (clock > BPF_SKB_CLOCK_TAI || (clock != BPF_SKB_CLOCK_REALTIME && tstamp == 0)) return result(-EINVAL)
  store<u64>(skb, tstamp, SKB_TSTAMP)
  store<u8>(skb, <u8>clock, SKB_TSTAMP_TYPE)
  return 0
}

/** IP_ECN_set_ce: what was no capable transport stays; the header's checksum follows. */
function markIpv4(header: usize): u64 {
  const tos = load<u8>(header, 1)
  if ((tos & INET_ECN_MASK) == INET_ECN_NOT_ECT) return 0
  if ((tos & INET_ECN_MASK) == INET_ECN_CE) return 1
  // The mark adds 2 to ECT(1) and 1 to ECT(0), in the second byte of the first word of the sum.
  const added = <u32>(INET_ECN_CE - (tos & INET_ECN_MASK)) << 8
  const sum = <u32>load<u16>(header, 10) + (0xffff - added)
  store<u16>(header, <u16>((sum & 0xffff) + (sum >> 16)), 10)
  store<u8>(header, tos | INET_ECN_CE, 1)
  return 1
}

/** IP6_ECN_set_ce. */
function markIpv6(skb: usize, header: usize): u64 {
  const before = load<u32>(header)
  const field = (bswap<u32>(before) >> 20) & INET_ECN_MASK
  if (field == INET_ECN_NOT_ECT) return 0
  const after = before | bswap<u32>(<u32>INET_ECN_CE << 20)
  store<u32>(header, after)
  if (load<u32>(skb, SKB_IP_SUMMED) == CHECKSUM_COMPLETE)
    store<u32>(skb, add32(sub32(load<u32>(skb, SKB_CSUM), before), after), SKB_CSUM)
  return 1
}

export function skb_ecn_set_ce(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const skb = pointer(context)
  const protocol = protocolOf(skb)
  const size = protocol == ETH_P_IP ? IPV4_HLEN : protocol == ETH_P_IPV6 ? IPV6_HLEN : 0
  if (size == 0) return 0
  const header: usize = load<u32>(skb, SKB_NETWORK_HEADER)
  const end = load<u32>(skb, SKB_DATA_END)
  if (end - load<u32>(skb, SKB_DATA) < size || header + size > end) return 0
  return protocol == ETH_P_IP ? markIpv4(header) : markIpv6(skb, header)
}
