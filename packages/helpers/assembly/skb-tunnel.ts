/**
 * Keys and options of the tunnel that a packet is for (net/core/filter.c, metadata_dst): as in the kernel there is one
 * of a CPU's, which the packet refers to.
 */
import { EINVAL, ENOENT, ENOMEM, EPROTO } from '../../registry/src/layout/errno'
import { SKB_TUNNEL } from '../../registry/src/layout/skb'
import { pointer, result } from './env'

// @ts-ignore: decorator
@external("memory", "alloc")
declare function alloc(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "setShape")
declare function setShape(address: u32, shape: u32): i32

const SHAPE_NONE: u32 = 1

const BPF_F_TUNINFO_IPV6: u64 = 1 << 0
const BPF_F_ZERO_CSUM_TX: u64 = 1 << 1
const BPF_F_DONT_FRAGMENT: u64 = 1 << 2
const BPF_F_SEQ_NUMBER: u64 = 1 << 3
const BPF_F_NO_TUNNEL_KEY: u64 = 1 << 4
const BPF_F_TUNINFO_FLAGS: u64 = 1 << 4

// struct bpf_tunnel_key (include/uapi/linux/bpf.h).
const KEY_ID: u32 = 0
const KEY_REMOTE: u32 = 4
const KEY_TOS: u32 = 20
const KEY_TTL: u32 = 21
const KEY_EXT: u32 = 22
const KEY_LABEL: u32 = 24
const KEY_LOCAL: u32 = 28
const KEY_SIZE: u32 = 44
/** Sizes of the struct in older headers. */
const KEY_WITHOUT_IPV6: u32 = 8

// TUNNEL_* (include/uapi/linux/if_tunnel.h), in the order of bits.
const TUNNEL_CSUM: u32 = 1 << 0
const TUNNEL_KEY: u32 = 1 << 2
const TUNNEL_SEQ: u32 = 1 << 3
const TUNNEL_DONT_FRAGMENT: u32 = 1 << 8
const TUNNEL_OPTIONS: u32 = (1 << 11) | (1 << 12) | (1 << 14) | (1 << 15)
const TUNNEL_NOCACHE: u32 = 1 << 13
const IPV6_FLOWLABEL_MASK: u32 = 0xfffff

// The key as it was set, then flags, family and options.
const INFO_FLAGS = 44
const INFO_IPV6 = 48
const INFO_OPTIONS_SIZE = 52
const INFO_OPTIONS = 56
const IP_TUNNEL_OPTS_MAX: u32 = 255
const INFO_SIZE: u32 = 312

/** This CPU's. */
let info: u32 = 0

@inline
function isOldSize(size: u32): bool {
  return size == KEY_EXT || size == KEY_LABEL || size == KEY_LOCAL
}

function make(): bool {
  if (info == 0) {
    info = alloc(INFO_SIZE, 8)
    if (info != 0) setShape(info, SHAPE_NONE)
  }
  return info != 0
}

export function skb_set_tunnel_key(context: u64, from: u64, length: u64, flags: u64, r5: u64): u64 {
  const known = BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT | BPF_F_SEQ_NUMBER | BPF_F_NO_TUNNEL_KEY | BPF_F_TUNINFO_IPV6
  const size = <u32>length
  if ((flags & ~known) != 0) return result(-EINVAL)
  if (size != KEY_SIZE && size != KEY_WITHOUT_IPV6 && !isOldSize(size)) return result(-EINVAL)
  const key = pointer(from)
  const isIpv6 = (flags & BPF_F_TUNINFO_IPV6) != 0
  if (!isIpv6 && size > KEY_LABEL && load<u32>(key, KEY_LABEL) != 0) return result(-EINVAL)
  if (size > KEY_EXT && load<u16>(key, KEY_EXT) != 0) return result(-EINVAL)
  if (!make()) return result(-ENOMEM)
  memory.fill(info, 0, INFO_SIZE)
  memory.copy(info, key, size)
  if (isIpv6) store<u32>(info, load<u32>(info, KEY_LABEL) & IPV6_FLOWLABEL_MASK, KEY_LABEL)
  let bits = TUNNEL_NOCACHE
  if ((flags & BPF_F_DONT_FRAGMENT) != 0) bits |= TUNNEL_DONT_FRAGMENT
  if ((flags & BPF_F_ZERO_CSUM_TX) == 0) bits |= TUNNEL_CSUM
  if ((flags & BPF_F_SEQ_NUMBER) != 0) bits |= TUNNEL_SEQ
  if ((flags & BPF_F_NO_TUNNEL_KEY) == 0) bits |= TUNNEL_KEY
  store<u32>(info, bits, INFO_FLAGS)
  store<u32>(info, u32(isIpv6), INFO_IPV6)
  store<u32>(pointer(context), info, SKB_TUNNEL)
  return 0
}

@inline
function refuse(to: usize, size: u32, errno: i32): u64 {
  memory.fill(to, 0, size)
  return result(-errno)
}

/** The other side of what was set: what the packet is sent to is where it came from for its receiver. */
export function skb_get_tunnel_key(context: u64, to: u64, length: u64, flags: u64, r5: u64): u64 {
  const at = pointer(to)
  const size = <u32>length
  const tunnel: usize = load<u32>(pointer(context), SKB_TUNNEL)
  if (tunnel == 0 || (flags & ~(BPF_F_TUNINFO_IPV6 | BPF_F_TUNINFO_FLAGS)) != 0) return refuse(at, size, EINVAL)
  const isIpv6 = (flags & BPF_F_TUNINFO_IPV6) != 0
  if ((load<u32>(tunnel, INFO_IPV6) != 0) != isIpv6) return refuse(at, size, EPROTO)
  const isKnown = size == KEY_SIZE || isOldSize(size) || (size == KEY_WITHOUT_IPV6 && !isIpv6)
  if (!isKnown) return refuse(at, size, EINVAL)
  memory.fill(at, 0, size)
  store<u32>(at, load<u32>(tunnel, KEY_ID), KEY_ID)
  const address: u32 = isIpv6 ? 16 : 4
  memory.copy(at + KEY_REMOTE, tunnel + KEY_LOCAL, min(address, size - KEY_REMOTE))
  if (size == KEY_WITHOUT_IPV6) return 0
  store<u8>(at, load<u8>(tunnel, KEY_TOS), KEY_TOS)
  store<u8>(at, load<u8>(tunnel, KEY_TTL), KEY_TTL)
  if (size == KEY_EXT) return 0
  if ((flags & BPF_F_TUNINFO_FLAGS) != 0) store<u16>(at, bswap<u16>(<u16>load<u32>(tunnel, INFO_FLAGS)), KEY_EXT)
  if (size == KEY_LABEL) return 0
  if (isIpv6) store<u32>(at, load<u32>(tunnel, KEY_LABEL), KEY_LABEL)
  if (size == KEY_SIZE) memory.copy(at + KEY_LOCAL, tunnel + KEY_REMOTE, address)
  return 0
}

export function skb_set_tunnel_opt(context: u64, from: u64, length: u64, r4: u64, r5: u64): u64 {
  const tunnel: usize = load<u32>(pointer(context), SKB_TUNNEL)
  const size = <u32>length
  if (tunnel == 0 || (size & 3) != 0) return result(-EINVAL)
  if (size > IP_TUNNEL_OPTS_MAX) return result(-ENOMEM)
  store<u32>(tunnel, size, INFO_OPTIONS_SIZE)
  if (size == 0) return 0
  memory.copy(tunnel + INFO_OPTIONS, pointer(from), size)
  store<u32>(tunnel, load<u32>(tunnel, INFO_FLAGS) | TUNNEL_OPTIONS, INFO_FLAGS)
  return 0
}

export function skb_get_tunnel_opt(context: u64, to: u64, length: u64, r4: u64, r5: u64): u64 {
  const tunnel: usize = load<u32>(pointer(context), SKB_TUNNEL)
  const at = pointer(to)
  const size = <u32>length
  if (tunnel == 0 || (load<u32>(tunnel, INFO_FLAGS) & TUNNEL_OPTIONS) == 0) return refuse(at, size, ENOENT)
  const given = load<u32>(tunnel, INFO_OPTIONS_SIZE)
  if (size < given) return refuse(at, size, ENOMEM)
  memory.copy(at, tunnel + INFO_OPTIONS, given)
  memory.fill(at + given, 0, size - given)
  return given
}
