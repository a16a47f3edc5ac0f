/**
 * bpf_dynptr_* (kernel/bpf/helpers.c) over memory (map values and ring buffer records) and over packets, whose bytes
 * lie in one piece here.
 */
import { E2BIG, EFAULT, EINVAL } from '../../registry/src/layout/errno'
import { SKB_DATA, SKB_DATA_END, SKB_DATA_META, SKB_MAC_HEADER } from '../../registry/src/layout/skb'
import { copyBytes, pointer, result } from './env'
import { skb_store_bytes } from './skb'
import { xdpPacket, xdpPacketLength } from './xdp-packet'

// struct bpf_dynptr_kern, 16 bytes: u64 data; u32 size, with the type in bits 28 to 30 and BIT(31) for read-only; u32
// offset.
const DATA: usize = 0
const SIZE: usize = 8
const OFFSET: usize = 12

export const DYNPTR_MAX_SIZE: u32 = (1 << 24) - 1
const TYPE_SHIFT: u32 = 28
const RDONLY: u32 = 1 << 31
export const DYNPTR_LOCAL: u32 = 1
export const DYNPTR_RINGBUF: u32 = 2
export const DYNPTR_SKB: u32 = 3
export const DYNPTR_XDP: u32 = 4
export const DYNPTR_SKB_META: u32 = 5
/** What skb and XDP offsets may not pass (bpf_xdp_pointer). */
const XDP_FARTHEST: u32 = 0xffff

export function clearDynptr(at: usize): void {
  store<u64>(at, 0, DATA)
  store<u64>(at, 0, SIZE)
}

export function writeDynptr(at: usize, data: usize, type: u32, size: u32): void {
  store<u64>(at, <u64>data, DATA)
  store<u32>(at, size | (type << TYPE_SHIFT), SIZE)
  store<u32>(at, 0, OFFSET)
}

@inline
export function dynptrData(at: usize): usize {
  return <usize>load<u64>(at, DATA)
}

@inline
export function dynptrSize(at: usize): u32 {
  return load<u32>(at, SIZE) & DYNPTR_MAX_SIZE
}

@inline
export function dynptrType(at: usize): u32 {
  return (load<u32>(at, SIZE) >> TYPE_SHIFT) & 7
}

@inline
export function dynptrReadOnly(at: usize): bool {
  return (load<u32>(at, SIZE) & RDONLY) != 0
}

export function makeReadOnly(at: usize): void {
  store<u32>(at, load<u32>(at, SIZE) | RDONLY, SIZE)
}

/** bpf_dynptr_adjust, checked before: from `start` on, `size` bytes. */
export function narrow(at: usize, start: u32, size: u32): void {
  store<u32>(at, load<u32>(at, OFFSET) + start, OFFSET)
  store<u32>(at, (load<u32>(at, SIZE) & ~DYNPTR_MAX_SIZE) | size, SIZE)
}

/** bpf_dynptr_check_off_len. */
@inline
export function outside(at: usize, offset: u32, length: u32): bool {
  const size = dynptrSize(at)
  return length > size || offset > size - length
}

/** Where `length` bytes of a dynptr that is not null lie: their address, or 0 when its packet has become shorter. */
export function place(at: usize, offset: u32, length: u32): usize {
  const data = dynptrData(at)
  const from = load<u32>(at, OFFSET) + offset
  const type = dynptrType(at)
  if (type == DYNPTR_SKB) {
    const bytes = load<u32>(data, SKB_DATA_END) - load<u32>(data, SKB_DATA)
    return <u64>from + length > <u64>bytes ? 0 : load<u32>(data, SKB_DATA) + from
  }
  if (type == DYNPTR_XDP) {
    const bytes = xdpPacketLength(data)
    if (from > XDP_FARTHEST || length > XDP_FARTHEST || from + length > bytes) return 0
    return xdpPacket(data) + from
  }
  if (type == DYNPTR_SKB_META) return <usize>load<u32>(data, SKB_MAC_HEADER) - metaLength(data) + from
  return data + from
}

/** skb_metadata_len: what lies between data_meta and the link-layer header. */
export function metaLength(skb: usize): u32 {
  const meta = load<u32>(skb, SKB_DATA_META)
  return meta == 0 ? 0 : load<u32>(skb, SKB_MAC_HEADER) - meta
}

/** __bpf_dynptr_read. */
export function readDynptr(to: usize, length: u32, at: usize, offset: u32): i32 {
  if (dynptrData(at) == 0) return -EINVAL
  if (outside(at, offset, length)) return -E2BIG
  const from = place(at, offset, length)
  if (from == 0) {
    if (dynptrType(at) == DYNPTR_XDP) return -EINVAL
    memory.fill(to, 0, length)
    return -EFAULT
  }
  copyBytes(to, from, length)
  return 0
}

/** __bpf_dynptr_write. */
export function storeDynptr(at: usize, offset: u32, from: usize, length: u32, flags: u64): i32 {
  if (dynptrData(at) == 0 || dynptrReadOnly(at)) return -EINVAL
  if (outside(at, offset, length)) return -E2BIG
  if (dynptrType(at) == DYNPTR_SKB) {
    return <i32>skb_store_bytes(load<u64>(at, DATA), load<u32>(at, OFFSET) + offset, <u64>from, length, flags)
  }
  if (flags != 0) return -EINVAL
  const to = place(at, offset, length)
  if (to == 0) return -EINVAL
  copyBytes(to, from, length)
  return 0
}

export function dynptr_from_mem(data: u64, size: u64, flags: u64, dynptr: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  clearDynptr(at)
  if (<u32>size > DYNPTR_MAX_SIZE) return result(-E2BIG)
  if (flags != 0) return result(-EINVAL)
  writeDynptr(at, pointer(data), DYNPTR_LOCAL, <u32>size)
  return 0
}

export function dynptr_read(to: u64, length: u64, dynptr: u64, offset: u64, flags: u64): u64 {
  if (flags != 0) return result(-EINVAL)
  return result(readDynptr(pointer(to), <u32>length, pointer(dynptr), <u32>offset))
}

export function dynptr_write(dynptr: u64, offset: u64, from: u64, length: u64, flags: u64): u64 {
  return result(storeDynptr(pointer(dynptr), <u32>offset, pointer(from), <u32>length, flags))
}

/** Not of packets: those have slices. */
export function dynptr_data(dynptr: u64, offset: u64, length: u64, r4: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  if (dynptrData(at) == 0 || dynptrReadOnly(at) || outside(at, <u32>offset, <u32>length)) return 0
  return dynptrType(at) > DYNPTR_RINGBUF ? 0 : <u64>place(at, <u32>offset, <u32>length)
}
