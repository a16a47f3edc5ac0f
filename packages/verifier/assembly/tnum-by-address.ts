// The tnum operations on tnums in memory: no 64-bit value crosses to JavaScript.
import { TNUM_MASK, TNUM_VALUE } from '../src/layout.ts'
import {
  add,
  and,
  arshift,
  bytesMask,
  contains,
  intersect,
  mul,
  or,
  overlap,
  range,
  step,
  sub,
  tm,
  tv,
  union,
  xor,
} from './tnum'

// @ts-ignore: decorator
@inline
function v(t: usize): u64 {
  return load<u64>(t, TNUM_VALUE)
}

// @ts-ignore: decorator
@inline
function m(t: usize): u64 {
  return load<u64>(t, TNUM_MASK)
}

// @ts-ignore: decorator
@inline
function put(t: usize, value: u64, mask: u64): void {
  store<u64>(t, value, TNUM_VALUE)
  store<u64>(t, mask, TNUM_MASK)
}

const LOW: u64 = 0xffffffff

export function tnum_const(t: usize, lo: i32, hi: i32): void {
  put(t, (<u64>(<u32>hi) << 32) | <u64>(<u32>lo), 0)
}

export function tnum_unknown(t: usize): void {
  put(t, 0, u64.MAX_VALUE)
}

export function tnum_range(t: usize, min: usize, max: usize): void {
  range(load<u64>(min), load<u64>(max))
  put(t, tv, tm)
}

export function tnum_add(t: usize, a: usize, b: usize): void {
  add(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_sub(t: usize, a: usize, b: usize): void {
  sub(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_mul(t: usize, a: usize, b: usize): void {
  mul(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_and(t: usize, a: usize, b: usize): void {
  and(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_or(t: usize, a: usize, b: usize): void {
  or(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_xor(t: usize, a: usize, b: usize): void {
  xor(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_neg(t: usize, a: usize): void {
  sub(0, 0, v(a), m(a))
  put(t, tv, tm)
}

export function tnum_lshift(t: usize, a: usize, shift: i32): void {
  put(t, v(a) << <u64>shift, m(a) << <u64>shift)
}

export function tnum_rshift(t: usize, a: usize, shift: i32): void {
  put(t, v(a) >> <u64>shift, m(a) >> <u64>shift)
}

export function tnum_arshift(t: usize, a: usize, shift: i32, bits: i32): void {
  arshift(v(a), m(a), <u64>shift, bits)
  put(t, tv, tm)
}

export function tnum_intersect(t: usize, a: usize, b: usize): void {
  intersect(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_union(t: usize, a: usize, b: usize): void {
  union(v(a), m(a), v(b), m(b))
  put(t, tv, tm)
}

export function tnum_cast(t: usize, a: usize, size: i32): void {
  const low = bytesMask(size)
  put(t, v(a) & low, m(a) & low)
}

export function tnum_subreg(t: usize, a: usize): void {
  put(t, v(a) & LOW, m(a) & LOW)
}

export function tnum_clear_subreg(t: usize, a: usize): void {
  put(t, v(a) & ~LOW, m(a) & ~LOW)
}

export function tnum_with_subreg(t: usize, a: usize, b: usize): void {
  put(t, (v(a) & ~LOW) | (v(b) & LOW), (m(a) & ~LOW) | (m(b) & LOW))
}

export function tnum_step(result: usize, t: usize, at: usize): void {
  store<u64>(result, step(v(t), m(t), load<u64>(at)))
}

export function tnum_is_aligned(t: usize, size: u32): bool {
  return !size || !((v(t) | m(t)) & <u64>(size - 1))
}

export function tnum_in(a: usize, b: usize): bool {
  return contains(v(a), m(a), v(b), m(b))
}

export function tnum_overlap(a: usize, b: usize): bool {
  return overlap(v(a), m(a), v(b), m(b))
}

export function tnum_is_const(t: usize): bool {
  return !m(t)
}

export function tnum_is_unknown(t: usize): bool {
  return !~m(t)
}
