// Comparing and asking: pruning (range_within, tnum_in), hashing, and the questions that the core asks of one value.
import { REG_NUMERIC } from '../src/layout.ts'
import { mask, smax, smax32, smin, smin32, umax, umax32, umin, umin32, value } from './register'
import { contains } from './tnum'

export function range_within(old: usize, current: usize): bool {
  return (
    umin(old) <= umin(current) &&
    umax(old) >= umax(current) &&
    smin(old) <= smin(current) &&
    smax(old) >= smax(current) &&
    umin32(old) <= umin32(current) &&
    umax32(old) >= umax32(current) &&
    smin32(old) <= smin32(current) &&
    smax32(old) >= smax32(current)
  )
}

export function numeric_within(old: usize, current: usize): bool {
  return contains(value(old), mask(old), value(current), mask(current)) && range_within(old, current)
}

export function numeric_equal(a: usize, b: usize): bool {
  const d0 = v128.xor(v128.load(a, REG_NUMERIC), v128.load(b, REG_NUMERIC))
  const d1 = v128.xor(v128.load(a, REG_NUMERIC + 16), v128.load(b, REG_NUMERIC + 16))
  const d2 = v128.xor(v128.load(a, REG_NUMERIC + 32), v128.load(b, REG_NUMERIC + 32))
  const d3 = v128.xor(v128.load(a, REG_NUMERIC + 48), v128.load(b, REG_NUMERIC + 48))
  return !v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))
}

export function numeric_hash(r: usize): i32 {
  let h: u64 = 0x9e3779b97f4a7c15
  for (let at: usize = 0; at < 64; at += 8) {
    h = (h ^ load<u64>(r + at, REG_NUMERIC)) * 0xff51afd7ed558ccd
    h ^= h >> 32
  }
  return <i32>h
}

export function is_const(r: usize): bool {
  return !mask(r)
}

export function is_const32(r: usize): bool {
  return !(<u32>mask(r))
}

export function is_zero(r: usize): bool {
  return !(mask(r) | value(r))
}

export function is_nonzero(r: usize): bool {
  return !!value(r) || umin(r) > 0 || smin(r) > 0 || smax(r) < 0
}

export function is_scalar_unbounded(r: usize): bool {
  return (
    mask(r) == u64.MAX_VALUE &&
    smin(r) == i64.MIN_VALUE &&
    smax(r) == i64.MAX_VALUE &&
    umin(r) == 0 &&
    umax(r) == u64.MAX_VALUE &&
    smin32(r) == i32.MIN_VALUE &&
    smax32(r) == i32.MAX_VALUE &&
    umin32(r) == 0 &&
    umax32(r) == u32.MAX_VALUE
  )
}

export function get_reg_width(r: usize): i32 {
  return 64 - <i32>clz<u64>(umax(r))
}

export function const_lo(r: usize): i32 {
  return <i32>value(r)
}

export function const_hi(r: usize): i32 {
  return <i32>(value(r) >> 32)
}

export function smin_value(r: usize): f64 {
  return <f64>smin(r)
}

export function smax_value(r: usize): f64 {
  return <f64>smax(r)
}

export function umin_value(r: usize): f64 {
  return <f64>umin(r)
}

export function umax_value(r: usize): f64 {
  return <f64>umax(r)
}
