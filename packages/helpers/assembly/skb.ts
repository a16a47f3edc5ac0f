/** The packet of programs on __sk_buff (net/core/filter.c): its bytes lie in one piece. */
import { EFAULT, EINVAL, ENOMEM, ENOTSUPP } from '../../registry/src/layout/errno'
import {
  CHECKSUM_COMPLETE,
  SKB_CSUM,
  SKB_DATA,
  SKB_DATA_END,
  SKB_FRAME_END,
  SKB_FRAME_START,
  SKB_HASH,
  SKB_IP_SUMMED,
  SKB_LEN,
  SKB_MAC_HEADER,
  SKB_NETWORK_HEADER,
  SKB_PKT_TYPE,
} from '../../registry/src/layout/skb'
import { add32, fold, partial, sub32 } from './checksum'
import { copyBytes, pointer, result } from './env'

const BPF_F_RECOMPUTE_CSUM: u64 = 1
const BPF_F_INVALIDATE_HASH: u64 = 2
const BPF_F_HDR_FIELD_MASK: u64 = 0xf
const BPF_F_PSEUDO_HDR: u64 = 1 << 4
const BPF_F_MARK_MANGLED_0: u64 = 1 << 5
const BPF_F_MARK_ENFORCE: u64 = 1 << 6
const BPF_F_IPV6: u64 = 1 << 7
const CSUM_MANGLED_0: u16 = 0xffff
const PACKET_OTHERHOST: u32 = 3
const BPF_HDR_START_MAC: u32 = 0
const BPF_HDR_START_NET: u32 = 1
/** BPF_SKB_MAX_LEN: four pages less struct skb_shared_info. */
const MAX_LEN: u32 = 16384 - 320
const ETH_HLEN: u32 = 14

@inline
function field(skb: u64, offset: usize): u32 {
  return load<u32>(pointer(skb) + offset)
}

@inline
function put(skb: u64, offset: usize, value: u32): void {
  store<u32>(pointer(skb) + offset, value)
}

@inline
function linear(skb: u64): u32 {
  return field(skb, SKB_DATA_END) - field(skb, SKB_DATA)
}

@inline
function inside(skb: u64, offset: u32, size: u32): bool {
  return <u64>offset + size <= <u64>linear(skb)
}

export function skb_load_bytes(skb: u64, offset: u64, to: u64, size: u64, r5: u64): u64 {
  if (<u32>offset > 0x7fff_ffff || !inside(skb, <u32>offset, <u32>size)) {
    memory.fill(pointer(to), 0, <u32>size)
    return result(-EFAULT)
  }
  copyBytes(pointer(to), field(skb, SKB_DATA) + <u32>offset, <u32>size)
  return 0
}

export function skb_load_bytes_relative(skb: u64, offset: u64, to: u64, size: u64, start: u64): u64 {
  const from = <u32>start
  const header =
    from == BPF_HDR_START_MAC
      ? field(skb, SKB_MAC_HEADER)
      : from == BPF_HDR_START_NET
        ? field(skb, SKB_NETWORK_HEADER)
        : 0
  const at = <u64>header + <u32>offset
  if (header == 0 || <u32>offset > 0xffff || at + <u32>size > <u64>field(skb, SKB_DATA_END)) {
    memory.fill(pointer(to), 0, <u32>size)
    return result(-EFAULT)
  }
  copyBytes(pointer(to), <usize>at, <u32>size)
  return 0
}

export function skb_store_bytes(skb: u64, offset: u64, from: u64, size: u64, flags: u64): u64 {
  if ((flags & ~(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)) != 0) return result(-EINVAL)
  if (<u32>offset > 0x7fff_ffff || !inside(skb, <u32>offset, <u32>size)) return result(-EFAULT)
  const at: usize = field(skb, SKB_DATA) + <u32>offset
  const recompute = (flags & BPF_F_RECOMPUTE_CSUM) != 0 && field(skb, SKB_IP_SUMMED) == CHECKSUM_COMPLETE
  let sum = field(skb, SKB_CSUM)
  if (recompute) sum = sub32(sum, partial(at, <u32>size, 0))
  copyBytes(at, pointer(from), <u32>size)
  if (recompute) put(skb, SKB_CSUM, partial(at, <u32>size, sum))
  if (flags & BPF_F_INVALIDATE_HASH) put(skb, SKB_HASH, 0)
  return 0
}

/** csum_replace4. */
@inline
function replace4(at: usize, from: u32, to: u32): void {
  store<u16>(at, <u16>fold(add32(sub32(~(<u32>load<u16>(at)), from), to)))
}

/** csum_replace_by_diff. */
@inline
function replaceByDiff(at: usize, diff: u32): void {
  store<u16>(at, <u16>fold(add32(diff, ~(<u32>load<u16>(at)))))
}

/** csum_replace2: 16-bit one's complement arithmetic. */
@inline
function replace2(at: usize, from: u16, to: u16): void {
  let sum: u32 = (~(<u32>load<u16>(at)) & 0xffff) + (~(<u32>from) & 0xffff)
  sum = (sum & 0xffff) + (sum >> 16)
  sum += to
  sum = (sum & 0xffff) + (sum >> 16)
  store<u16>(at, <u16>~sum)
}

/** Where a checksum field may be written: its address, or 0. */
@inline
function checksumAt(skb: u64, offset: u32): usize {
  if (offset > 0xffff || (offset & 1) != 0 || !inside(skb, offset, 2)) return 0
  return field(skb, SKB_DATA) + offset
}

export function l3_csum_replace(skb: u64, offset: u64, from: u64, to: u64, flags: u64): u64 {
  if ((flags & ~BPF_F_HDR_FIELD_MASK) != 0) return result(-EINVAL)
  const at = checksumAt(skb, <u32>offset)
  if (at == 0) return result(-EFAULT)
  switch (<u32>flags) {
    case 0:
      if (from != 0) return result(-EINVAL)
      replaceByDiff(at, <u32>to)
      return 0
    case 2:
      replace2(at, <u16>from, <u16>to)
      return 0
    case 4:
      replace4(at, <u32>from, <u32>to)
      return 0
    default:
      return result(-EINVAL)
  }
}

export function l4_csum_replace(skb: u64, offset: u64, from: u64, to: u64, flags: u64): u64 {
  const known = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR | BPF_F_HDR_FIELD_MASK | BPF_F_IPV6
  if ((flags & ~known) != 0) return result(-EINVAL)
  const at = checksumAt(skb, <u32>offset)
  if (at == 0) return result(-EFAULT)
  const mangled = (flags & BPF_F_MARK_MANGLED_0) != 0
  if (mangled && (flags & BPF_F_MARK_ENFORCE) == 0 && load<u16>(at) == 0) return 0
  // A sum over the whole packet changes with the pseudo header, which is not part of it; IPv6's addresses cancel out.
  const complete = (flags & BPF_F_PSEUDO_HDR) != 0 && field(skb, SKB_IP_SUMMED) == CHECKSUM_COMPLETE
  const sum = field(skb, SKB_CSUM)
  switch (<u32>(flags & BPF_F_HDR_FIELD_MASK)) {
    case 0:
      if (from != 0) return result(-EINVAL)
      replaceByDiff(at, <u32>to)
      if (complete && (flags & BPF_F_IPV6) == 0) put(skb, SKB_CSUM, ~add32(<u32>to, ~sum))
      break
    case 2:
      replace4(at, <u16>from, <u16>to)
      if (complete) put(skb, SKB_CSUM, ~add32(sub32(~sum, <u16>from), <u16>to))
      break
    case 4:
      replace4(at, <u32>from, <u32>to)
      if (complete) put(skb, SKB_CSUM, ~add32(sub32(~sum, <u32>from), <u32>to))
      break
    default:
      return result(-EINVAL)
  }
  if (mangled && load<u16>(at) == 0) store<u16>(at, CSUM_MANGLED_0)
  return 0
}

export function csum_update(skb: u64, csum: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (field(skb, SKB_IP_SUMMED) != CHECKSUM_COMPLETE) return result(-ENOTSUPP)
  const sum = add32(field(skb, SKB_CSUM), <u32>csum)
  put(skb, SKB_CSUM, sum)
  return sum
}

/** Everything is linear already; only a length past the packet fails. */
export function skb_pull_data(skb: u64, size: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(<u32>size > linear(skb) ? -ENOMEM : 0)
}

/** __bpf_skb_min_len: what must stay, the network header at least. */
@inline
function shortest(skb: u64): u32 {
  const network = field(skb, SKB_NETWORK_HEADER)
  const data = field(skb, SKB_DATA)
  return network > data ? network - data : 0
}

export function skb_change_tail(skb: u64, length: u64, flags: u64, r4: u64, r5: u64): u64 {
  const wanted = <u32>length
  if (flags != 0 || wanted > MAX_LEN || wanted < shortest(skb)) return result(-EINVAL)
  const data = field(skb, SKB_DATA)
  const end = field(skb, SKB_DATA_END)
  if (<u64>data + wanted > <u64>field(skb, SKB_FRAME_END)) return result(-ENOMEM)
  if (data + wanted > end) memory.fill(end, 0, data + wanted - end)
  put(skb, SKB_DATA_END, data + wanted)
  put(skb, SKB_LEN, wanted)
  return 0
}

export function skb_change_head(skb: u64, room: u64, flags: u64, r4: u64, r5: u64): u64 {
  const extra = <u32>room
  const length = linear(skb)
  if (flags != 0 || <u64>length + extra > MAX_LEN) return result(-EINVAL)
  const data = field(skb, SKB_DATA)
  if (extra > data - field(skb, SKB_FRAME_START)) return result(-ENOMEM)
  memory.fill(data - extra, 0, extra)
  put(skb, SKB_DATA, data - extra)
  put(skb, SKB_MAC_HEADER, data - extra)
  put(skb, SKB_LEN, length + extra)
  return 0
}

export function skb_change_type(skb: u64, type: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (field(skb, SKB_PKT_TYPE) > PACKET_OTHERHOST || <u32>type > PACKET_OTHERHOST) return result(-EINVAL)
  put(skb, SKB_PKT_TYPE, <u32>type)
  return 0
}

export function set_hash(skb: u64, hash: u64, r3: u64, r4: u64, r5: u64): u64 {
  put(skb, SKB_HASH, <u32>hash)
  return 0
}

export function set_hash_invalid(skb: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  put(skb, SKB_HASH, 0)
  return 0
}
