// Fields of a register record and the values that they take at once.
import {
  REG_NUMERIC,
  REG_S32_MAX,
  REG_S32_MIN,
  REG_SMAX,
  REG_SMIN,
  REG_U32_MAX,
  REG_U32_MIN,
  REG_UMAX,
  REG_UMIN,
  REG_VAR_OFF_MASK,
  REG_VAR_OFF_VALUE,
} from '../src/layout.ts'

// @ts-ignore: decorator
@inline
export function value(r: usize): u64 {
  return load<u64>(r, REG_VAR_OFF_VALUE)
}
// @ts-ignore: decorator
@inline
export function mask(r: usize): u64 {
  return load<u64>(r, REG_VAR_OFF_MASK)
}
// @ts-ignore: decorator
@inline
export function smin(r: usize): i64 {
  return load<i64>(r, REG_SMIN)
}
// @ts-ignore: decorator
@inline
export function smax(r: usize): i64 {
  return load<i64>(r, REG_SMAX)
}
// @ts-ignore: decorator
@inline
export function umin(r: usize): u64 {
  return load<u64>(r, REG_UMIN)
}
// @ts-ignore: decorator
@inline
export function umax(r: usize): u64 {
  return load<u64>(r, REG_UMAX)
}
// @ts-ignore: decorator
@inline
export function smin32(r: usize): i32 {
  return load<i32>(r, REG_S32_MIN)
}
// @ts-ignore: decorator
@inline
export function smax32(r: usize): i32 {
  return load<i32>(r, REG_S32_MAX)
}
// @ts-ignore: decorator
@inline
export function umin32(r: usize): u32 {
  return load<u32>(r, REG_U32_MIN)
}
// @ts-ignore: decorator
@inline
export function umax32(r: usize): u32 {
  return load<u32>(r, REG_U32_MAX)
}

// @ts-ignore: decorator
@inline
export function setTnum(r: usize, v: u64, m: u64): void {
  store<u64>(r, v, REG_VAR_OFF_VALUE)
  store<u64>(r, m, REG_VAR_OFF_MASK)
}
// @ts-ignore: decorator
@inline
export function setSigned(r: usize, min: i64, max: i64): void {
  store<i64>(r, min, REG_SMIN)
  store<i64>(r, max, REG_SMAX)
}
// @ts-ignore: decorator
@inline
export function setUnsigned(r: usize, min: u64, max: u64): void {
  store<u64>(r, min, REG_UMIN)
  store<u64>(r, max, REG_UMAX)
}
// @ts-ignore: decorator
@inline
export function setSigned32(r: usize, min: i32, max: i32): void {
  store<i32>(r, min, REG_S32_MIN)
  store<i32>(r, max, REG_S32_MAX)
}
// @ts-ignore: decorator
@inline
export function setUnsigned32(r: usize, min: u32, max: u32): void {
  store<u32>(r, min, REG_U32_MIN)
  store<u32>(r, max, REG_U32_MAX)
}

export function copy_record(dst: usize, src: usize): void {
  v128.store(dst, v128.load(src))
  v128.store(dst, v128.load(src, 16), 16)
  v128.store(dst, v128.load(src, 32), 32)
  copy_numeric(dst, src)
}

export function copy_numeric(dst: usize, src: usize): void {
  v128.store(dst, v128.load(src, REG_NUMERIC), REG_NUMERIC)
  v128.store(dst, v128.load(src, REG_NUMERIC + 16), REG_NUMERIC + 16)
  v128.store(dst, v128.load(src, REG_NUMERIC + 32), REG_NUMERIC + 32)
  v128.store(dst, v128.load(src, REG_NUMERIC + 48), REG_NUMERIC + 48)
}

export function mark_reg64_unbounded(r: usize): void {
  setSigned(r, i64.MIN_VALUE, i64.MAX_VALUE)
  setUnsigned(r, 0, u64.MAX_VALUE)
}

export function mark_reg32_unbounded(r: usize): void {
  setSigned32(r, i32.MIN_VALUE, i32.MAX_VALUE)
  setUnsigned32(r, 0, u32.MAX_VALUE)
}

export function mark_reg_unbounded(r: usize): void {
  mark_reg64_unbounded(r)
  mark_reg32_unbounded(r)
}

export function mark_reg_unknown(r: usize): void {
  setTnum(r, 0, u64.MAX_VALUE)
  mark_reg_unbounded(r)
}

export function setKnown(r: usize, v: u64): void {
  setTnum(r, v, 0)
  setSigned(r, v, v)
  setUnsigned(r, v, v)
  setSigned32(r, <i32>v, <i32>v)
  setUnsigned32(r, <u32>v, <u32>v)
}

export function mark_reg_known(r: usize, lo: i32, hi: i32): void {
  setKnown(r, (<u64>(<u32>hi) << 32) | <u64>(<u32>lo))
}

export function mark_reg_known_s32(r: usize, v: i32): void {
  setKnown(r, <u64>(<i64>v))
}

export function mark_reg_known_u32(r: usize, v: u32): void {
  setKnown(r, <u64>v)
}

export function mark_reg_known_zero(r: usize): void {
  setKnown(r, 0)
}

// The upper half of the tnum stays, as do the 64-bit bounds: the caller extends or syncs.
export function mark_reg32_known(r: usize, v: u32): void {
  const upper = ~(0xffffffff as u64)
  setTnum(r, (value(r) & upper) | <u64>v, mask(r) & upper)
  setSigned32(r, v, v)
  setUnsigned32(r, v, v)
}

/** Is the value, or with `is32` its low half, a constant? */
// @ts-ignore: decorator
@inline
export function isConst(r: usize, is32: bool): bool {
  return !(is32 ? <u64>(<u32>mask(r)) : mask(r))
}
