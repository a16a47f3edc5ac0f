/** The kernel functions on dynptrs (kernel/bpf/helpers.c, net/core/filter.c, kernel/trace/bpf_trace.c). */
import { CTL_PROG } from '../../registry/src/layout/control'
import { E2BIG, EINVAL, ERANGE } from '../../registry/src/layout/errno'
import { PROG_TYPE } from '../../registry/src/layout/program'
import { SKB_LEN } from '../../registry/src/layout/skb'
import {
  clearDynptr,
  DYNPTR_MAX_SIZE,
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  dynptrData,
  dynptrReadOnly,
  dynptrSize,
  makeReadOnly,
  metaLength,
  narrow,
  outside,
  place,
  readDynptr,
  storeDynptr,
  writeDynptr,
} from './dynptr'
import { control, pointer, result } from './env'
import { readMemory, readString } from './untrusted'
import { xdpPacketLength } from './xdp-packet'

// enum bpf_prog_type: those that may write packets directly (may_access_direct_pkt_data), of those on __sk_buff.
const SCHED_CLS: u32 = 3
const SCHED_ACT: u32 = 4
const LWT_XMIT: u32 = 12
const SK_SKB: u32 = 14

function fresh(dynptr: u64, data: u64, type: u32, size: u32, flags: u64): i32 {
  const at = pointer(dynptr)
  clearDynptr(at)
  if (flags != 0) return -EINVAL
  if (size > DYNPTR_MAX_SIZE) return -E2BIG
  writeDynptr(at, pointer(data), type, size)
  return 0
}

/** Read-only for programs that may not write the packet. */
export function dynptr_from_skb(skb: u64, flags: u64, dynptr: u64, r4: u64, r5: u64): u64 {
  const made = fresh(dynptr, skb, DYNPTR_SKB, load<u32>(pointer(skb), SKB_LEN), flags)
  const type = load<u32>(load<u32>(control, CTL_PROG), PROG_TYPE)
  const writes = type == SCHED_CLS || type == SCHED_ACT || type == LWT_XMIT || type == SK_SKB
  if (made == 0 && !writes) makeReadOnly(pointer(dynptr))
  return result(made)
}

export function dynptr_from_skb_meta(skb: u64, flags: u64, dynptr: u64, r4: u64, r5: u64): u64 {
  return result(fresh(dynptr, skb, DYNPTR_SKB_META, metaLength(pointer(skb)), flags))
}

export function dynptr_from_xdp(xdp: u64, flags: u64, dynptr: u64, r4: u64, r5: u64): u64 {
  return result(fresh(dynptr, xdp, DYNPTR_XDP, xdpPacketLength(pointer(xdp)), flags))
}

function slice(at: usize, offset: u32, length: u32): usize {
  return dynptrData(at) == 0 || outside(at, offset, length) ? 0 : place(at, offset, length)
}

function writableSlice(at: usize, offset: u32, length: u32): usize {
  return dynptrReadOnly(at) ? 0 : slice(at, offset, length)
}

/** The bytes themselves: they lie in one piece, and the buffer for those that do not stays as it is. */
export function dynptr_slice(dynptr: u64, offset: u64, buffer: u64, size: u64, r5: u64): u64 {
  return <u64>slice(pointer(dynptr), <u32>offset, <u32>size)
}

export function dynptr_slice_rdwr(dynptr: u64, offset: u64, buffer: u64, size: u64, r5: u64): u64 {
  return <u64>writableSlice(pointer(dynptr), <u32>offset, <u32>size)
}

export function dynptr_adjust(dynptr: u64, start: u64, end: u64, r4: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  const first = <u32>start
  const last = <u32>end
  if (dynptrData(at) == 0 || first > last) return result(-EINVAL)
  const size = dynptrSize(at)
  if (first > size || last > size) return result(-ERANGE)
  narrow(at, first, last - first)
  return 0
}

export function dynptr_is_null(dynptr: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return dynptrData(pointer(dynptr)) == 0 ? 1 : 0
}

export function dynptr_is_rdonly(dynptr: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  return dynptrData(at) != 0 && dynptrReadOnly(at) ? 1 : 0
}

export function dynptr_size(dynptr: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  return dynptrData(at) == 0 ? <u64>(<u32>-EINVAL) : <u64>dynptrSize(at)
}

export function dynptr_clone(dynptr: u64, clone: u64, r3: u64, r4: u64, r5: u64): u64 {
  const from = pointer(dynptr)
  const to = pointer(clone)
  if (dynptrData(from) == 0) {
    clearDynptr(to)
    return result(-EINVAL)
  }
  store<u64>(to, load<u64>(from))
  store<u64>(to, load<u64>(from, 8), 8)
  return 0
}

export function dynptr_copy(dst: u64, dstOffset: u64, src: u64, srcOffset: u64, size: u64): u64 {
  const to = pointer(dst)
  const from = pointer(src)
  const bytes = <u32>size
  const source = slice(from, <u32>srcOffset, bytes)
  const target = writableSlice(to, <u32>dstOffset, bytes)
  if (source != 0) {
    if (target == 0) return result(storeDynptr(to, <u32>dstOffset, source, bytes, 0))
    memory.copy(target, source, bytes)
    return 0
  }
  if (target != 0) return result(readDynptr(target, bytes, from, <u32>srcOffset))
  if (outside(to, <u32>dstOffset, bytes) || outside(from, <u32>srcOffset, bytes)) return result(-E2BIG)
  return bytes == 0 ? 0 : result(-EINVAL)
}

export function dynptr_memset(dynptr: u64, offset: u64, size: u64, value: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  const target = writableSlice(at, <u32>offset, <u32>size)
  if (target != 0) {
    memory.fill(target, <u8>value, <u32>size)
    return 0
  }
  if (dynptrReadOnly(at)) return result(-EINVAL)
  if (outside(at, <u32>offset, <u32>size)) return result(-E2BIG)
  return <u32>size == 0 ? 0 : result(-EINVAL)
}

/** __bpf_dynptr_copy: untrusted memory into a dynptr. */
export function read_dynptr(dynptr: u64, offset: u64, size: u64, from: u64, r5: u64): u64 {
  const target = writableSlice(pointer(dynptr), <u32>offset, <u32>size)
  if (target == 0) return result(outside(pointer(dynptr), <u32>offset, <u32>size) ? -E2BIG : -EINVAL)
  return result(readMemory(target, <u32>size, from))
}

/** __bpf_dynptr_copy_str: up to and with the NUL; the bytes written. */
export function read_str_dynptr(dynptr: u64, offset: u64, size: u64, from: u64, r5: u64): u64 {
  const target = writableSlice(pointer(dynptr), <u32>offset, <u32>size)
  if (target == 0) return result(outside(pointer(dynptr), <u32>offset, <u32>size) ? -E2BIG : -EINVAL)
  return result(readString(target, <u32>size, from))
}
