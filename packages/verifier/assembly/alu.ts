// Transfer functions of the arithmetic instructions (adjust_scalar_min_max_vals and adjust_ptr_min_max_vals in
// kernel/bpf/verifier.c). Each operation gives the tnum, the 64-bit bounds and the 32-bit bounds on their own; then the
// result is zero-extended, if it is a 32-bit operation, and synced.
import {
  BPF_ADD,
  BPF_ADD_CONST32,
  BPF_AND,
  BPF_ARSH,
  BPF_LSH,
  BPF_MAX_VAR_OFF,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
  REG_ID,
  REG_OFF,
  SANE_OFFSET,
  UNSANE_CONST,
  UNSANE_FIXED,
  UNSANE_SMIN,
  UNSANE_SMIN_UNBOUNDED,
} from '../src/layout.ts'
import { reg_bounds_sync, update_reg_bounds, updateBounds32, zext_32_to_64 } from './bounds'
import {
  copy_numeric,
  mark_reg32_known,
  mark_reg32_unbounded,
  mark_reg64_unbounded,
  mark_reg_unknown,
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
import { add, and, arshift, mul, or, sub, tm, tv, xor } from './tnum'

const LOW: u64 = 0xffffffff

// @ts-ignore: decorator
@inline
function addOverflows(a: i64, b: i64): bool {
  const sum = a + b
  return ((a ^ sum) & (b ^ sum)) < 0
}

// @ts-ignore: decorator
@inline
function subOverflows(a: i64, b: i64): bool {
  return ((a ^ b) & (a ^ (a - b))) < 0
}

// @ts-ignore: decorator
@inline
function fits32(x: i64): bool {
  return x == <i64>(<i32>x)
}

function mulOverflows(a: i64, b: i64): bool {
  if (fits32(a) && fits32(b)) return false
  if (a == 0 || b == 0) return false
  if (a == -1) return b == i64.MIN_VALUE
  if (b == -1) return a == i64.MIN_VALUE
  return (a * b) / b != a
}

function umulOverflows(a: u64, b: u64): bool {
  return !!((a | b) >> 32) && b != 0 && (a * b) / b != a
}

/** Bounds of `dst + [sl, sh]` and its unsigned and 32-bit counterparts. */
function addBounds(
  dst: usize,
  sl: i64,
  sh: i64,
  ul: u64,
  uh: u64,
  sl32: i32,
  sh32: i32,
  ul32: u32,
  uh32: u32,
): void {
  const low32 = <i64>smin32(dst) + <i64>sl32
  const high32 = <i64>smax32(dst) + <i64>sh32
  if (fits32(low32) && fits32(high32)) setSigned32(dst, <i32>low32, <i32>high32)
  else setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)
  // Unsigned sums may wrap, as long as both ends do.
  const ulow32 = umin32(dst) + ul32
  const uhigh32 = umax32(dst) + uh32
  if (uhigh32 < uh32 && ulow32 >= ul32) setUnsigned32(dst, 0, u32.MAX_VALUE)
  else setUnsigned32(dst, ulow32, uhigh32)

  if (addOverflows(smin(dst), sl) || addOverflows(smax(dst), sh)) {
    setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  } else {
    setSigned(dst, smin(dst) + sl, smax(dst) + sh)
  }
  const ulow = umin(dst) + ul
  const uhigh = umax(dst) + uh
  if (uhigh < uh && ulow >= ul) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, ulow, uhigh)
}

function aluAdd(dst: usize, src: usize): void {
  add(value(dst), mask(dst), value(src), mask(src))
  addBounds(
    dst,
    smin(src),
    smax(src),
    umin(src),
    umax(src),
    smin32(src),
    smax32(src),
    umin32(src),
    umax32(src),
  )
  setTnum(dst, tv, tm)
}

/** Bounds of `[sl, sh] - src` and its counterparts, into `dst`. */
function subBounds(
  dst: usize,
  src: usize,
  sl: i64,
  sh: i64,
  ul: u64,
  uh: u64,
  sl32: i32,
  sh32: i32,
  ul32: u32,
  uh32: u32,
): void {
  const bl = smin(src)
  const bh = smax(src)
  const bul = umin(src)
  const buh = umax(src)
  const bul32 = umin32(src)
  const buh32 = umax32(src)

  const low32 = <i64>sl32 - <i64>smax32(src)
  const high32 = <i64>sh32 - <i64>smin32(src)
  if (fits32(low32) && fits32(high32)) setSigned32(dst, <i32>low32, <i32>high32)
  else setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)
  if (ul32 < buh32 && uh32 >= bul32) setUnsigned32(dst, 0, u32.MAX_VALUE)
  else setUnsigned32(dst, ul32 - buh32, uh32 - bul32)

  if (subOverflows(sl, bh) || subOverflows(sh, bl)) setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  else setSigned(dst, sl - bh, sh - bl)
  if (ul < buh && uh >= bul) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, ul - buh, uh - bul)
}

function aluSub(dst: usize, src: usize): void {
  sub(value(dst), mask(dst), value(src), mask(src))
  subBounds(
    dst,
    src,
    smin(dst),
    smax(dst),
    umin(dst),
    umax(dst),
    smin32(dst),
    smax32(dst),
    umin32(dst),
    umax32(dst),
  )
  setTnum(dst, tv, tm)
}

function aluNeg(dst: usize): void {
  sub(0, 0, value(dst), mask(dst))
  subBounds(dst, dst, 0, 0, 0, 0, 0, 0, 0, 0)
  setTnum(dst, tv, tm)
}

function aluMul(dst: usize, src: usize): void {
  mul(value(dst), mask(dst), value(src), mask(src))
  setTnum(dst, tv, tm)

  const ulow32 = <u64>umin32(dst) * <u64>umin32(src)
  const uhigh32 = <u64>umax32(dst) * <u64>umax32(src)
  const p0 = <i64>smin32(dst) * <i64>smin32(src)
  const p1 = <i64>smin32(dst) * <i64>smax32(src)
  const p2 = <i64>smax32(dst) * <i64>smin32(src)
  const p3 = <i64>smax32(dst) * <i64>smax32(src)
  if (uhigh32 > LOW || ulow32 > LOW) setUnsigned32(dst, 0, u32.MAX_VALUE)
  else setUnsigned32(dst, <u32>ulow32, <u32>uhigh32)
  const low32 = min<i64>(min<i64>(p0, p1), min<i64>(p2, p3))
  const high32 = max<i64>(max<i64>(p0, p1), max<i64>(p2, p3))
  if (fits32(low32) && fits32(high32)) setSigned32(dst, <i32>low32, <i32>high32)
  else setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)

  const al = smin(dst)
  const ah = smax(dst)
  const bl = smin(src)
  const bh = smax(src)
  const ulow = umin(dst)
  const uhigh = umax(dst)
  const bul = umin(src)
  const buh = umax(src)
  if (umulOverflows(uhigh, buh) || umulOverflows(ulow, bul)) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, ulow * bul, uhigh * buh)
  if (mulOverflows(al, bl) || mulOverflows(al, bh) || mulOverflows(ah, bl) || mulOverflows(ah, bh)) {
    setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  } else {
    setSigned(
      dst,
      min<i64>(min<i64>(al * bl, al * bh), min<i64>(ah * bl, ah * bh)),
      max<i64>(max<i64>(al * bl, al * bh), max<i64>(ah * bl, ah * bh)),
    )
  }
}

// The signed range follows from the unsigned one where that does not cross the sign bit.
// @ts-ignore: decorator
@inline
function bitwise32(dst: usize, low: u32, high: u32): void {
  setUnsigned32(dst, low, high)
  if (<i32>low <= <i32>high) setSigned32(dst, <i32>low, <i32>high)
  else setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)
}

// @ts-ignore: decorator
@inline
function bitwise64(dst: usize, low: u64, high: u64): void {
  setUnsigned(dst, low, high)
  if (<i64>low <= <i64>high) setSigned(dst, <i64>low, <i64>high)
  else setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  update_reg_bounds(dst)
}

// The minimum of AND comes from the bits, its maximum is the lower of the operands'; OR mirrors it;
// XOR has the bits alone.
function aluBitwise(op: i32, dst: usize, src: usize): void {
  const srcMask = mask(src)
  const bl = umin(src)
  const bh = umax(src)
  const bl32 = umin32(src)
  const bh32 = umax32(src)
  if (op == BPF_AND) and(value(dst), mask(dst), value(src), srcMask)
  else if (op == BPF_OR) or(value(dst), mask(dst), value(src), srcMask)
  else xor(value(dst), mask(dst), value(src), srcMask)
  const v = tv
  const m = tm
  setTnum(dst, v, m)
  const last = v | m

  if (!(<u32>srcMask | <u32>m)) mark_reg32_known(dst, <u32>v)
  else if (op == BPF_AND) bitwise32(dst, <u32>v, min<u32>(umax32(dst), bh32))
  else if (op == BPF_OR) bitwise32(dst, max<u32>(umin32(dst), bl32), <u32>last)
  else bitwise32(dst, <u32>v, <u32>last)

  if (!(srcMask | m)) setKnown(dst, v)
  else if (op == BPF_AND) bitwise64(dst, v, min<u64>(umax(dst), bh))
  else if (op == BPF_OR) bitwise64(dst, max<u64>(umin(dst), bl), last)
  else bitwise64(dst, v, last)
}

function shift32Bounds(dst: usize, by: u32): void {
  setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)
  if (by > 31 || umax32(dst) > (1 as u32) << (31 - by)) setUnsigned32(dst, 0, u32.MAX_VALUE)
  else setUnsigned32(dst, umin32(dst) << by, umax32(dst) << by)
}

function aluLsh(is64: bool, dst: usize, by: u64): void {
  if (!is64) {
    shift32Bounds(dst, <u32>by)
    setTnum(dst, (value(dst) << by) & LOW, ((mask(dst) & LOW) << by) & LOW)
    mark_reg64_unbounded(dst)
    updateBounds32(dst)
    return
  }
  // A shift by 32 keeps the sign of the low half: compilers extend it so.
  if (by == 32) setSigned(dst, <i64>smin32(dst) << 32, <i64>smax32(dst) << 32)
  else setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  if (umax(dst) > (1 as u64) << (63 - by)) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, umin(dst) << by, umax(dst) << by)
  shift32Bounds(dst, <u32>by)
  setTnum(dst, value(dst) << by, mask(dst) << by)
  update_reg_bounds(dst)
}

function aluRsh(is64: bool, dst: usize, by: u64): void {
  if (!is64) {
    setSigned32(dst, i32.MIN_VALUE, i32.MAX_VALUE)
    setTnum(dst, (value(dst) & LOW) >> by, (mask(dst) & LOW) >> by)
    setUnsigned32(dst, umin32(dst) >> <u32>by, umax32(dst) >> <u32>by)
    mark_reg64_unbounded(dst)
    updateBounds32(dst)
    return
  }
  setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  setTnum(dst, value(dst) >> by, mask(dst) >> by)
  setUnsigned(dst, umin(dst) >> by, umax(dst) >> by)
  mark_reg32_unbounded(dst)
  update_reg_bounds(dst)
}

function aluArsh(is64: bool, dst: usize, by: u64): void {
  if (!is64) {
    setSigned32(dst, smin32(dst) >> <i32>by, smax32(dst) >> <i32>by)
    arshift(value(dst) & LOW, mask(dst) & LOW, by, 32)
    setTnum(dst, tv, tm)
    setUnsigned32(dst, 0, u32.MAX_VALUE)
    mark_reg64_unbounded(dst)
    updateBounds32(dst)
    return
  }
  setSigned(dst, smin(dst) >> <i64>by, smax(dst) >> <i64>by)
  arshift(value(dst), mask(dst), by, 64)
  setTnum(dst, tv, tm)
  setUnsigned(dst, 0, u64.MAX_VALUE)
  mark_reg32_unbounded(dst)
  update_reg_bounds(dst)
}

// A shift is computed only by an amount that is known and within the width.
function shiftKnown(is64: bool, src: usize): bool {
  if (is64) return !mask(src) && smin(src) == smax(src) && umin(src) == umax(src) && umax(src) < 64
  return (
    !(<u32>mask(src)) && smin32(src) == smax32(src) && umin32(src) == umax32(src) && umax(src) < 32
  )
}

export function adjust_scalar_min_max_vals(op: i32, is64: bool, dst: usize, src: usize): bool {
  switch (op) {
    case BPF_ADD:
      aluAdd(dst, src)
      break
    case BPF_SUB:
      aluSub(dst, src)
      break
    case BPF_NEG:
      aluNeg(dst)
      break
    case BPF_MUL:
      aluMul(dst, src)
      break
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      aluBitwise(op, dst, src)
      break
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH: {
      if (!shiftKnown(is64, src)) {
        mark_reg_unknown(dst)
        return false
      }
      const by = is64 ? umin(src) : <u64>umin32(src)
      if (op == BPF_LSH) aluLsh(is64, dst, by)
      else if (op == BPF_RSH) aluRsh(is64, dst, by)
      else aluArsh(is64, dst, by)
      break
    }
    default:
      mark_reg_unknown(dst)
      return false
  }
  if (!is64) zext_32_to_64(dst)
  reg_bounds_sync(dst)
  return true
}

/** `reg` becomes `known + (reg.off - known.off)`, for linked registers with BPF_ADD_CONST. */
export function sync_linked_reg(reg: usize, known: usize): void {
  const delta = <i64>load<i32>(reg, REG_OFF) - <i64>load<i32>(known, REG_OFF)
  const u = <u64>delta
  const d32 = <i32>delta
  copy_numeric(reg, known)
  add(value(known), mask(known), u, 0)
  addBounds(reg, delta, delta, u, u, d32, d32, d32, d32)
  setTnum(reg, tv, tm)
  if ((load<u32>(reg, REG_ID) | load<u32>(known, REG_ID)) & BPF_ADD_CONST32) zext_32_to_64(reg)
  reg_bounds_sync(reg)
}

export function adjust_ptr_add(dst: usize, ptr: usize, off: usize): bool {
  const fixed = <i64>load<i32>(ptr, REG_OFF) + smin(off)
  if (!mask(off) && fits32(fixed)) {
    movePtr(dst, ptr, <i32>fixed)
    return true
  }
  const pl = smin(ptr)
  const ph = smax(ptr)
  const ol = smin(off)
  const oh = smax(off)
  const pul = umin(ptr)
  const puh = umax(ptr)
  const oul = umin(off)
  const ouh = umax(off)
  add(value(ptr), mask(ptr), value(off), mask(off))
  if (addOverflows(pl, ol) || addOverflows(ph, oh)) setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  else setSigned(dst, pl + ol, ph + oh)
  if (pul + oul < oul || puh + ouh < ouh) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, pul + oul, puh + ouh)
  finishPtr(dst, ptr)
  return false
}

export function adjust_ptr_sub(dst: usize, ptr: usize, off: usize): bool {
  const fixed = <i64>load<i32>(ptr, REG_OFF) - smin(off)
  if (!mask(off) && fits32(fixed)) {
    movePtr(dst, ptr, <i32>fixed)
    return true
  }
  const pl = smin(ptr)
  const ph = smax(ptr)
  const ol = smin(off)
  const oh = smax(off)
  const pul = umin(ptr)
  const puh = umax(ptr)
  const oul = umin(off)
  const ouh = umax(off)
  sub(value(ptr), mask(ptr), value(off), mask(off))
  if (subOverflows(pl, oh) || subOverflows(ph, ol)) setSigned(dst, i64.MIN_VALUE, i64.MAX_VALUE)
  else setSigned(dst, pl - oh, ph - ol)
  if (pul < ouh) setUnsigned(dst, 0, u64.MAX_VALUE)
  else setUnsigned(dst, pul - ouh, puh - oul)
  finishPtr(dst, ptr)
  return false
}

// Pointers carry no 32-bit bounds.
function movePtr(dst: usize, ptr: usize, off: i32): void {
  copy_numeric(dst, ptr)
  mark_reg32_unbounded(dst)
  store<i32>(dst, off, REG_OFF)
}

function finishPtr(dst: usize, ptr: usize): void {
  setTnum(dst, tv, tm)
  mark_reg32_unbounded(dst)
  store<i32>(dst, load<i32>(ptr, REG_OFF), REG_OFF)
}

export function check_reg_sane_offset(r: usize): i32 {
  const limit = <i64>BPF_MAX_VAR_OFF
  const low = smin(r)
  const off = load<i32>(r, REG_OFF)
  if (!mask(r) && (<i64>value(r) >= limit || <i64>value(r) <= -limit)) return UNSANE_CONST
  if (off >= <i32>limit || off <= -(<i32>limit)) return UNSANE_FIXED
  if (low == i64.MIN_VALUE) return UNSANE_SMIN_UNBOUNDED
  if (low >= limit || low <= -limit) return UNSANE_SMIN
  return SANE_OFFSET
}
