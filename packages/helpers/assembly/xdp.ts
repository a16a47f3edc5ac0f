/** The packet of an XDP program (net/core/filter.c). */
import { EACCES, EFAULT, EINVAL } from '../../registry/src/layout/errno'
import {
  ETH_HLEN,
  XDP_DATA,
  XDP_DATA_END,
  XDP_DATA_META,
  XDP_FRAG_SIZE,
  XDP_FRAGS_END,
  XDP_FRAME_END,
  XDP_FRAME_START,
  XDP_FRAME_STRUCT_SIZE,
} from '../../registry/src/layout/xdp'
import { copyBytes, pointer, result } from './env'
import { xdpPacketLength } from './xdp-packet'

/** XDP_META_MAX: what a u8 in units of one byte counts, in multiples of 4. */
const META_MAX: i64 = 255

@inline
function field(context: u64, offset: usize): i64 {
  return <i64>load<u32>(pointer(context) + offset)
}

@inline
function put(context: u64, offset: usize, value: i64): void {
  store<u32>(pointer(context) + offset, <u32>value)
}

export function xdp_adjust_head(context: u64, delta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const offset = <i64>(<i32>delta)
  const meta = field(context, XDP_DATA_META)
  const length = field(context, XDP_DATA) - meta
  const data = field(context, XDP_DATA) + offset
  const lowest = field(context, XDP_FRAME_START) + XDP_FRAME_STRUCT_SIZE + length
  if (data < lowest || data > field(context, XDP_DATA_END) - ETH_HLEN) return result(-EINVAL)
  if (length > 0) memory.copy(<usize>(meta + offset), <usize>meta, <usize>length)
  put(context, XDP_DATA_META, meta + offset)
  put(context, XDP_DATA, data)
  return 0
}

export function xdp_adjust_meta(context: u64, delta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const data = field(context, XDP_DATA)
  const meta = field(context, XDP_DATA_META) + <i64>(<i32>delta)
  if (meta < field(context, XDP_FRAME_START) + XDP_FRAME_STRUCT_SIZE || meta > data) return result(-EINVAL)
  const length = data - meta
  if ((length & 3) != 0 || length > META_MAX) return result(-EACCES)
  put(context, XDP_DATA_META, meta)
  return 0
}

/** bpf_xdp_frags_increase_tail: the last fragment grows within its page; and bpf_xdp_frags_shrink_tail. */
function adjustFrags(context: u64, offset: i64): u64 {
  const linear = field(context, XDP_DATA_END)
  const before = field(context, XDP_FRAGS_END)
  const end = before + offset
  if (offset >= 0) {
    // Fragments begin at multiples of their size.
    const room = (XDP_FRAG_SIZE - (before % XDP_FRAG_SIZE)) % XDP_FRAG_SIZE
    if (offset > room) return result(-EINVAL)
    memory.fill(<usize>before, 0, <usize>offset)
    put(context, XDP_FRAGS_END, end)
    return 0
  }
  if (end < field(context, XDP_DATA) + ETH_HLEN) return result(-EINVAL)
  put(context, XDP_FRAGS_END, end > linear ? end : 0)
  if (end < linear) put(context, XDP_DATA_END, end)
  return 0
}

export function xdp_adjust_tail(context: u64, delta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const offset = <i64>(<i32>delta)
  if (field(context, XDP_FRAGS_END) != 0) return adjustFrags(context, offset)
  const before = field(context, XDP_DATA_END)
  const end = before + offset
  if (end > field(context, XDP_FRAME_END) || end < field(context, XDP_DATA) + ETH_HLEN) return result(-EINVAL)
  if (offset > 0) memory.fill(<usize>before, 0, <usize>offset)
  put(context, XDP_DATA_END, end)
  return 0
}

export function xdp_get_buff_len(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return xdpPacketLength(pointer(context))
}

/** Why bpf_xdp_pointer refuses a range, or 0. */
@inline
function refuse(context: u64, offset: u32, size: u32): i32 {
  if (offset > 0xffff || size > 0xffff) return -EFAULT
  const length = xdpPacketLength(pointer(context))
  return offset + size > length ? -EINVAL : 0
}

/** Fragments lie behind one another: a range that goes over their borders is one too. */
export function xdp_load_bytes(context: u64, offset: u64, to: u64, size: u64, r5: u64): u64 {
  const refused = refuse(context, <u32>offset, <u32>size)
  if (refused != 0) return result(refused)
  copyBytes(pointer(to), <usize>field(context, XDP_DATA) + <u32>offset, <u32>size)
  return 0
}

export function xdp_store_bytes(context: u64, offset: u64, from: u64, size: u64, r5: u64): u64 {
  const refused = refuse(context, <u32>offset, <u32>size)
  if (refused != 0) return result(refused)
  copyBytes(<usize>field(context, XDP_DATA) + <u32>offset, pointer(from), <u32>size)
  return 0
}

/** bpf_xdp_pull_data: puts bytes of fragments before `data_end`, as far as head and tail room let the kernel do it. */
export function xdp_pull_data(context: u64, length: u64, r3: u64, r4: u64, r5: u64): u64 {
  const linear = field(context, XDP_DATA_END) - field(context, XDP_DATA)
  const wanted = <i64>(<u32>length)
  if (wanted <= linear) return 0
  if (wanted > <i64>xdpPacketLength(pointer(context))) return result(-EINVAL)
  const delta = wanted - linear
  const headroom = field(context, XDP_DATA_META) - field(context, XDP_FRAME_START) - XDP_FRAME_STRUCT_SIZE
  if (delta > headroom + field(context, XDP_FRAME_END) - field(context, XDP_DATA_END)) return result(-EINVAL)
  // The kernel moves the packet down into its head room; here the fragments are behind it already.
  const shift = delta - (field(context, XDP_FRAME_END) - field(context, XDP_DATA_END))
  if (shift > 0) {
    put(context, XDP_FRAME_START, field(context, XDP_FRAME_START) + shift)
    put(context, XDP_FRAME_END, field(context, XDP_FRAME_END) + shift)
  }
  const end = field(context, XDP_DATA_END) + delta
  put(context, XDP_DATA_END, end)
  if (end == field(context, XDP_FRAGS_END)) put(context, XDP_FRAGS_END, 0)
  return 0
}
