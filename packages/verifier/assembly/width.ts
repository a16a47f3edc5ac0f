// Truncation and sign extension of a value in place.
import { reg_bounds_sync } from './bounds'
import {
  mark_reg32_unbounded,
  mark_reg_unbounded,
  mask,
  setKnown,
  setSigned,
  setSigned32,
  setTnum,
  setUnsigned,
  setUnsigned32,
  smax,
  smax32,
  smin,
  smin32,
  umax,
  umin,
  value,
} from './register'
import { bytesMask, range, swapBytes, tm, tv } from './tnum'

export function coerce_reg_to_size(r: usize, size: i32): void {
  if (size > 7) return
  const low = bytesMask(size)
  setTnum(r, value(r) & low, mask(r) & low)
  if ((umin(r) & ~low) == (umax(r) & ~low)) setUnsigned(r, umin(r) & low, umax(r) & low)
  else setUnsigned(r, 0, low)
  setSigned(r, umin(r), umax(r))
  if (size < 4) mark_reg32_unbounded(r)
  reg_bounds_sync(r)
}

// @ts-ignore: decorator
@inline
function extend(x: i64, size: i32): i64 {
  return size == 1 ? <i64>(<i8>x) : size == 2 ? <i64>(<i16>x) : <i64>(<i32>x)
}

// The result is not synced: nothing could be learnt beyond what is set here.
export function coerce_reg_to_size_sx(r: usize, size: i32): void {
  if (size > 7) return
  if (!mask(r)) {
    setKnown(r, extend(value(r), size))
    return
  }
  const bits = <i64>size * 8
  if (smax(r) >> bits == smin(r) >> bits) {
    const a = extend(smin(r), size)
    const b = extend(smax(r), size)
    const low = min<i64>(a, b)
    const high = max<i64>(a, b)
    if (low >= 0 == high >= 0) {
      setSigned(r, low, high)
      setUnsigned(r, low, high)
      setSigned32(r, <i32>low, <i32>high)
      setUnsigned32(r, <u32>low, <u32>high)
      range(low, high)
      setTnum(r, tv, tm)
      return
    }
  }
  const high = <i64>(bytesMask(size) >> 1)
  mark_reg_unbounded(r)
  setTnum(r, 0, u64.MAX_VALUE)
  setSigned(r, ~high, high)
  setSigned32(r, <i32>~high, <i32>high)
}

// Only tnum and 32-bit bounds: the caller zero-extends.
export function coerce_subreg_to_size_sx(r: usize, size: i32): void {
  if (!mask(r)) {
    const v = extend(value(r), size)
    setTnum(r, v, 0)
    setSigned32(r, <i32>v, <i32>v)
    setUnsigned32(r, <u32>v, <u32>v)
    return
  }
  const bits = size * 8
  if (smax32(r) >> bits == smin32(r) >> bits) {
    const a = <i32>extend(smin32(r), size)
    const b = <i32>extend(smax32(r), size)
    const low = min<i32>(a, b)
    const high = max<i32>(a, b)
    if (low >= 0 == high >= 0) {
      setSigned32(r, low, high)
      setUnsigned32(r, low, high)
      range(<u64>(<i64>low), <u64>(<i64>high))
      setTnum(r, tv & 0xffffffff, tm & 0xffffffff)
      return
    }
  }
  const high = <i32>(<u32>bytesMask(size) >> 1)
  setSigned32(r, ~high, high)
  setUnsigned32(r, 0, u32.MAX_VALUE)
  setTnum(r, 0, 0xffffffff)
}

/** BPF_END: truncates to `bits` (16, 32, 64), after reversing the bytes if `swap`. */
export function scalar_byte_swap(r: usize, bits: i32, swap: bool): void {
  const size = bits >> 3
  if (swap) {
    setTnum(r, swapBytes(value(r), size), swapBytes(mask(r), size))
    mark_reg_unbounded(r)
  }
  coerce_reg_to_size(r, size)
  reg_bounds_sync(r)
}
