// How tnum and bounds of one value refine each other (reg_bounds_sync and its parts in kernel/bpf/verifier.c).
import {
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
  umax32,
  umin,
  umin32,
  value,
} from './register'
import { intersect, range, step, tm, tv } from './tnum'

const LOW: u64 = 0xffffffff

// The lowest member of a tnum has its unknown bits 0, the highest has them 1; for signed order the
// sign bit the other way.
export function updateBounds32(r: usize): void {
  const v = <u32>value(r)
  const m = <u32>mask(r)
  setSigned32(r, max<i32>(smin32(r), v | (m & 0x80000000)), min<i32>(smax32(r), v | (m & 0x7fffffff)))
  setUnsigned32(r, max<u32>(umin32(r), v), min<u32>(umax32(r), v | m))
}

function updateBounds64(r: usize): void {
  const v = value(r)
  const m = mask(r)
  const last = v | m
  setSigned(
    r,
    max<i64>(smin(r), v | (m & 0x8000000000000000)),
    min<i64>(smax(r), v | (m & 0x7fffffffffffffff)),
  )
  const low = max<u64>(umin(r), v)
  const high = min<u64>(umax(r), last)
  setUnsigned(r, low, high)

  // Where the unsigned range holds a single member of the tnum, that is the value.
  const next = step(v, m, low)
  const lowIsMember = (low & ~m) == v
  if (lowIsMember) {
    if (next > high) setKnown(r, low)
  } else if (next == last) {
    setKnown(r, last)
  } else if (next <= high && step(v, m, next) > high) {
    setKnown(r, next)
  }
}

export function update_reg_bounds(r: usize): void {
  updateBounds32(r)
  updateBounds64(r)
}

// One round of deduction among the four ranges; whether any bound changed.
function deduce(r: usize): bool {
  const smin0 = smin(r)
  const smax0 = smax(r)
  const umin0 = umin(r)
  const umax0 = umax(r)
  const smin320 = smin32(r)
  const smax320 = smax32(r)
  const umin320 = umin32(r)
  const umax320 = umax32(r)
  let sl = smin0
  let sh = smax0
  let ul = umin0
  let uh = umax0
  let sl32 = smin320
  let sh32 = smax320
  let ul32 = umin320
  let uh32 = umax320

  // 64 to 32 bits: within one upper half, the low halves of a range are a range.
  const ulTop = <u32>(ul >> 32)
  const uhTop = <u32>(uh >> 32)
  const slTop = <u32>(<u64>sl >> 32)
  const shTop = <u32>(<u64>sh >> 32)
  if (ulTop == uhTop) {
    ul32 = max<u32>(ul32, <u32>ul)
    uh32 = min<u32>(uh32, <u32>uh)
    if (<i32>ul <= <i32>uh) {
      sl32 = max<i32>(sl32, <i32>ul)
      sh32 = min<i32>(sh32, <i32>uh)
    }
  }
  if (slTop == shTop) {
    if (<u32>sl <= <u32>sh) {
      ul32 = max<u32>(ul32, <u32>sl)
      uh32 = min<u32>(uh32, <u32>sh)
    }
    if (<i32>sl <= <i32>sh) {
      sl32 = max<i32>(sl32, <i32>sl)
      sh32 = min<i32>(sh32, <i32>sh)
    }
  }
  // Across two neighbouring upper halves the low halves still are a signed range, if they run from
  // negative to positive.
  if (ulTop + 1 == uhTop && <i32>ul < 0 && <i32>uh >= 0) {
    sl32 = max<i32>(sl32, <i32>ul)
    sh32 = min<i32>(sh32, <i32>uh)
  }
  if (slTop + 1 == shTop && <i32>sl < 0 && <i32>sh >= 0) {
    sl32 = max<i32>(sl32, <i32>sl)
    sh32 = min<i32>(sh32, <i32>sh)
  }

  // Signed and unsigned agree wherever a range stays on one side of the sign bit. A signed range that crosses it is two
  // unsigned pieces, at both ends; the unsigned range may touch one of them only.
  if (<i32>ul32 <= <i32>uh32) {
    sl32 = max<i32>(sl32, <i32>ul32)
    sh32 = min<i32>(sh32, <i32>uh32)
  }
  if (<u32>sl32 <= <u32>sh32) {
    ul32 = max<u32>(<u32>sl32, ul32)
    uh32 = min<u32>(<u32>sh32, uh32)
  } else if (uh32 < <u32>sl32) {
    sl32 = <i32>ul32
    uh32 = min<u32>(uh32, <u32>sh32)
  } else if (<u32>sh32 < ul32) {
    sh32 = <i32>uh32
    ul32 = max<u32>(ul32, <u32>sl32)
  }

  if (<i64>ul <= <i64>uh) {
    sl = max<i64>(sl, <i64>ul)
    sh = min<i64>(sh, <i64>uh)
  }
  if (<u64>sl <= <u64>sh) {
    ul = max<u64>(<u64>sl, ul)
    uh = min<u64>(<u64>sh, uh)
  } else if (uh < <u64>sl) {
    sl = <i64>ul
    uh = min<u64>(uh, <u64>sh)
  } else if (<u64>sh < ul) {
    sh = <i64>uh
    ul = max<u64>(ul, <u64>sl)
  }

  // 32 to 64 bits: the low half of each bound cannot pass the unsigned 32-bit bounds.
  ul = max<u64>(ul, (ul & ~LOW) | <u64>ul32)
  uh = min<u64>(uh, (uh & ~LOW) | <u64>uh32)
  sl = max<i64>(sl, <i64>((<u64>sl & ~LOW) | <u64>ul32))
  sh = min<i64>(sh, <i64>((<u64>sh & ~LOW) | <u64>uh32))
  // A sign-extended 32-bit value that is known not to be negative has only zeros above.
  if (sl32 >= 0 && sl >= <i64>i32.MIN_VALUE && sh <= <i64>i32.MAX_VALUE) {
    sl = <i64>sl32
    sh = <i64>sh32
    ul = <u64>sl
    uh = <u64>sh
    range(ul, uh)
    intersect(value(r), mask(r), tv, tm)
    setTnum(r, tv, tm)
  }

  const changed =
    <u64>(sl ^ smin0) |
    <u64>(sh ^ smax0) |
    (ul ^ umin0) |
    (uh ^ umax0) |
    <u64>(<u32>(sl32 ^ smin320) | <u32>(sh32 ^ smax320) | (ul32 ^ umin320) | (uh32 ^ umax320))
  if (!changed) return false
  setSigned(r, sl, sh)
  setUnsigned(r, ul, uh)
  setSigned32(r, sl32, sh32)
  setUnsigned32(r, ul32, uh32)
  return true
}

// What the unsigned ranges tell about the bits.
function boundOffset(r: usize): void {
  range(umin(r), umax(r))
  intersect(value(r), mask(r), tv, tm)
  const v = tv
  const m = tm
  range(<u64>umin32(r), <u64>umax32(r))
  intersect(v & LOW, m & LOW, tv, tm)
  setTnum(r, (v & ~LOW) | tv, ((m & ~LOW) | tm) & ~tv)
}

export function reg_bounds_sync(r: usize): void {
  if (isSyncedConst(r)) return
  update_reg_bounds(r)
  // Three rounds, as the kernel makes; a round that changes nothing makes the next idle.
  if (deduce(r) && deduce(r)) deduce(r)
  boundOffset(r)
  update_reg_bounds(r)
}

// A constant whose bounds all say so cannot be refined.
// @ts-ignore: decorator
@inline
function isSyncedConst(r: usize): bool {
  const v = value(r)
  return !(
    mask(r) |
    (<u64>smin(r) ^ v) |
    (<u64>smax(r) ^ v) |
    (umin(r) ^ v) |
    (umax(r) ^ v) |
    <u64>(<u32>smin32(r) ^ <u32>v) |
    <u64>(<u32>smax32(r) ^ <u32>v) |
    <u64>(umin32(r) ^ <u32>v) |
    <u64>(umax32(r) ^ <u32>v)
  )
}

export function reg_bounds_violated(r: usize): bool {
  if (umin(r) > umax(r) || smin(r) > smax(r) || umin32(r) > umax32(r) || smin32(r) > smax32(r)) return true
  const v = value(r)
  const m = mask(r)
  if (!m && (umin(r) != v || umax(r) != v || <u64>smin(r) != v || <u64>smax(r) != v)) return true
  const v32 = <u32>v
  return (
    !(<u32>m) &&
    (umin32(r) != v32 || umax32(r) != v32 || <u32>smin32(r) != v32 || <u32>smax32(r) != v32)
  )
}

/** Unbounds a record that contradicts itself, as the kernel does; whether it did. */
export function resetIfViolated(r: usize): bool {
  if (!reg_bounds_violated(r)) return false
  mark_reg_unbounded(r)
  return true
}

/** Narrows the signed ranges of both widths to `[low, high]`. */
export function mark_reg_s32_range(r: usize, low: i32, high: i32): void {
  setSigned32(r, max<i32>(smin32(r), low), min<i32>(smax32(r), high))
  setSigned(r, max<i64>(smin(r), low), min<i64>(smax(r), high))
  reg_bounds_sync(r)
}

/** Narrows the unsigned ranges of both widths to `[low, high]`. */
export function mark_reg_u32_range(r: usize, low: u32, high: u32): void {
  setUnsigned32(r, max<u32>(umin32(r), low), min<u32>(umax32(r), high))
  setUnsigned(r, max<u64>(umin(r), low), min<u64>(umax(r), high))
  reg_bounds_sync(r)
}

export function reg_assign_32_into_64(r: usize): void {
  setUnsigned(r, umin32(r), umax32(r))
  const low = smin32(r)
  const high = smax32(r)
  if (low >= 0 && high >= 0) setSigned(r, low, high)
  else setSigned(r, 0, LOW)
}

export function zext_32_to_64(r: usize): void {
  setTnum(r, value(r) & LOW, mask(r) & LOW)
  reg_assign_32_into_64(r)
}
