/** The packet of an XDP program (net/core/filter.c). */
import { EACCES, EFAULT, EINVAL } from '../../registry/src/layout/errno'
import {
  ETH_HLEN,
  XDP_DATA,
  XDP_DATA_END,
  XDP_DATA_META,
  XDP_FRAME_END,
  XDP_FRAME_START,
  XDP_FRAME_STRUCT_SIZE,
} from '../../registry/src/layout/xdp'
import { copyBytes, pointer, result } from './env'

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

export function xdp_adjust_tail(context: u64, delta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const offset = <i64>(<i32>delta)
  const before = field(context, XDP_DATA_END)
  const end = before + offset
  if (end > field(context, XDP_FRAME_END) || end < field(context, XDP_DATA) + ETH_HLEN) return result(-EINVAL)
  if (offset > 0) memory.fill(<usize>before, 0, <usize>offset)
  put(context, XDP_DATA_END, end)
  return 0
}

export function xdp_get_buff_len(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>(field(context, XDP_DATA_END) - field(context, XDP_DATA))
}

/** Why bpf_xdp_pointer refuses a range, or 0. */
@inline
function refuse(context: u64, offset: u32, size: u32): i32 {
  if (offset > 0xffff || size > 0xffff) return -EFAULT
  const length = <u32>(field(context, XDP_DATA_END) - field(context, XDP_DATA))
  return offset + size > length ? -EINVAL : 0
}

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
