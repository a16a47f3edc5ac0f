// What a conditional jump tells about its operands (is_scalar_branch_taken, regs_refine_cond_op and reg_set_min_max in
// kernel/bpf/verifier.c).
import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  REFINE_FALSE_IMPOSSIBLE,
  REFINE_TRUE_IMPOSSIBLE,
} from '../src/layout.ts'
import { reg_bounds_sync, resetIfViolated } from './bounds'
import {
  isConst,
  mark_reg_unbounded,
  mask,
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
import { intersect, overlap, tm, tv } from './tnum'

const LOW: u64 = 0xffffffff
// The negation of BPF_JSET, which has no opcode of its own.
const JCLEAR = BPF_JSET | 8

function differ32(a: usize, b: usize): bool {
  return (
    umin32(a) > umax32(b) || umax32(a) < umin32(b) || smin32(a) > smax32(b) || smax32(a) < smin32(b)
  )
}

function equal(is32: bool, a: usize, b: usize): i32 {
  const width = is32 ? LOW : u64.MAX_VALUE
  const av = value(a) & width
  const am = mask(a) & width
  const bv = value(b) & width
  const bm = mask(b) & width
  if (!(am | bm)) return i32(av == bv)
  if (!overlap(av, am, bv, bm)) return 0
  if (!is32 && (umin(a) > umax(b) || umax(a) < umin(b) || smin(a) > smax(b) || smax(a) < smin(b))) return 0
  return differ32(a, b) ? 0 : -1
}

function anyBitSet(is32: bool, a: usize, b: usize): i32 {
  if (!isConst(b, is32)) {
    if (!isConst(a, is32)) return -1
    const swapped = a
    a = b
    b = swapped
  }
  const bits = value(b) & (is32 ? LOW : u64.MAX_VALUE)
  if (value(a) & ~mask(a) & bits) return 1
  return (mask(a) | value(a)) & bits ? -1 : 0
}

// 1 if every pair of members has a < b, 0 if none has.
function less(is32: bool, isSigned: bool, a: usize, b: usize): i32 {
  if (is32) {
    if (isSigned) return smax32(a) < smin32(b) ? 1 : smin32(a) >= smax32(b) ? 0 : -1
    return umax32(a) < umin32(b) ? 1 : umin32(a) >= umax32(b) ? 0 : -1
  }
  if (isSigned) return smax(a) < smin(b) ? 1 : smin(a) >= smax(b) ? 0 : -1
  return umax(a) < umin(b) ? 1 : umin(a) >= umax(b) ? 0 : -1
}

// @ts-ignore: decorator
@inline
function not(taken: i32): i32 {
  return taken < 0 ? taken : 1 - taken
}

export function is_scalar_branch_taken(op: i32, is32: bool, a: usize, b: usize): i32 {
  switch (op) {
    case BPF_JEQ:
      return equal(is32, a, b)
    case BPF_JNE:
      return not(equal(is32, a, b))
    case BPF_JSET:
      return anyBitSet(is32, a, b)
    case BPF_JLT:
      return less(is32, false, a, b)
    case BPF_JGT:
      return less(is32, false, b, a)
    case BPF_JGE:
      return not(less(is32, false, a, b))
    case BPF_JLE:
      return not(less(is32, false, b, a))
    case BPF_JSLT:
      return less(is32, true, a, b)
    case BPF_JSGT:
      return less(is32, true, b, a)
    case BPF_JSGE:
      return not(less(is32, true, a, b))
    case BPF_JSLE:
      return not(less(is32, true, b, a))
  }
  return -1
}

function negate(op: i32): i32 {
  switch (op) {
    case BPF_JEQ:
      return BPF_JNE
    case BPF_JNE:
      return BPF_JEQ
    case BPF_JSET:
      return JCLEAR
    case BPF_JGE:
      return BPF_JLT
    case BPF_JGT:
      return BPF_JLE
    case BPF_JLE:
      return BPF_JGT
    case BPF_JLT:
      return BPF_JGE
    case BPF_JSGE:
      return BPF_JSLT
    case BPF_JSGT:
      return BPF_JSLE
    case BPF_JSLE:
      return BPF_JSGT
    case BPF_JSLT:
      return BPF_JSGE
  }
  return 0
}

function refineEqual(is32: bool, a: usize, b: usize): void {
  if (is32) {
    const ul = max<u32>(umin32(a), umin32(b))
    const uh = min<u32>(umax32(a), umax32(b))
    const sl = max<i32>(smin32(a), smin32(b))
    const sh = min<i32>(smax32(a), smax32(b))
    setUnsigned32(a, ul, uh)
    setSigned32(a, sl, sh)
    setUnsigned32(b, ul, uh)
    setSigned32(b, sl, sh)
    intersect(value(a) & LOW, mask(a) & LOW, value(b) & LOW, mask(b) & LOW)
    setTnum(a, (value(a) & ~LOW) | tv, (mask(a) & ~LOW) | tm)
    setTnum(b, (value(b) & ~LOW) | tv, (mask(b) & ~LOW) | tm)
    return
  }
  const ul = max<u64>(umin(a), umin(b))
  const uh = min<u64>(umax(a), umax(b))
  const sl = max<i64>(smin(a), smin(b))
  const sh = min<i64>(smax(a), smax(b))
  setUnsigned(a, ul, uh)
  setSigned(a, sl, sh)
  setUnsigned(b, ul, uh)
  setSigned(b, sl, sh)
  intersect(value(a), mask(a), value(b), mask(b))
  setTnum(a, tv, tm)
  setTnum(b, tv, tm)
}

// A constant at the edge of a range moves that edge.
function refineUnequal(is32: bool, a: usize, constant: u64): void {
  if (is32) {
    const u = <u32>constant
    const s = <i32>constant
    setUnsigned32(a, umin32(a) + u32(umin32(a) == u), umax32(a))
    setUnsigned32(a, umin32(a), umax32(a) - u32(umax32(a) == u))
    setSigned32(a, smin32(a) + i32(smin32(a) == s), smax32(a))
    setSigned32(a, smin32(a), smax32(a) - i32(smax32(a) == s))
    return
  }
  const s = <i64>constant
  setUnsigned(a, umin(a) + u64(umin(a) == constant), umax(a) - u64(umax(a) == constant))
  setSigned(a, smin(a) + i64(smin(a) == s), smax(a) - i64(smax(a) == s))
}

// a <= b, or a < b with `strict` 1: the maximum of `a` and the minimum of `b` move.
function refineLess(is32: bool, isSigned: bool, strict: i32, a: usize, b: usize): void {
  if (is32) {
    if (isSigned) {
      setSigned32(a, smin32(a), min<i32>(smax32(a), smax32(b) - strict))
      setSigned32(b, max<i32>(smin32(a) + strict, smin32(b)), smax32(b))
    } else {
      setUnsigned32(a, umin32(a), min<u32>(umax32(a), umax32(b) - strict))
      setUnsigned32(b, max<u32>(umin32(a) + strict, umin32(b)), umax32(b))
    }
  } else if (isSigned) {
    setSigned(a, smin(a), min<i64>(smax(a), smax(b) - <i64>strict))
    setSigned(b, max<i64>(smin(a) + <i64>strict, smin(b)), smax(b))
  } else {
    setUnsigned(a, umin(a), min<u64>(umax(a), umax(b) - <u64>strict))
    setUnsigned(b, max<u64>(umin(a) + <u64>strict, umin(b)), umax(b))
  }
}

// JNE and the JSET pair learn only from a constant operand, on either side.
function refineByConstant(op: i32, is32: bool, a: usize, b: usize): void {
  if (!isConst(b, is32)) {
    if (!isConst(a, is32)) return
    const swapped = a
    a = b
    b = swapped
  }
  const constant = value(b) & (is32 ? LOW : u64.MAX_VALUE)
  if (op == BPF_JNE) {
    refineUnequal(is32, a, constant)
  } else if (op == JCLEAR) {
    // The kernel forgets the ranges here, lest a dead branch break their invariants.
    mark_reg_unbounded(a)
    setTnum(a, value(a) & ~constant, mask(a) & ~constant)
  } else if (popcnt<u64>(constant) == 1) {
    // That some bit of several is set says nothing about each.
    setTnum(a, value(a) | constant, mask(a) & ~constant)
  }
}

function regs_refine_cond_op(op: i32, is32: bool, a: usize, b: usize): void {
  switch (op) {
    case BPF_JEQ:
      refineEqual(is32, a, b)
      break
    case BPF_JNE:
    case BPF_JSET:
    case JCLEAR:
      refineByConstant(op, is32, a, b)
      break
    case BPF_JLE:
      refineLess(is32, false, 0, a, b)
      break
    case BPF_JLT:
      refineLess(is32, false, 1, a, b)
      break
    case BPF_JGE:
      refineLess(is32, false, 0, b, a)
      break
    case BPF_JGT:
      refineLess(is32, false, 1, b, a)
      break
    case BPF_JSLE:
      refineLess(is32, true, 0, a, b)
      break
    case BPF_JSLT:
      refineLess(is32, true, 1, a, b)
      break
    case BPF_JSGE:
      refineLess(is32, true, 0, b, a)
      break
    case BPF_JSGT:
      refineLess(is32, true, 1, b, a)
      break
  }
}

export function reg_set_min_max(
  op: i32,
  is32: bool,
  trueA: usize,
  trueB: usize,
  falseA: usize,
  falseB: usize,
): i32 {
  regs_refine_cond_op(negate(op), is32, falseA, falseB)
  reg_bounds_sync(falseA)
  reg_bounds_sync(falseB)
  regs_refine_cond_op(op, is32, trueA, trueB)
  reg_bounds_sync(trueA)
  reg_bounds_sync(trueB)

  let impossible = 0
  if (i32(resetIfViolated(trueA)) | i32(resetIfViolated(trueB))) impossible |= REFINE_TRUE_IMPOSSIBLE
  if (i32(resetIfViolated(falseA)) | i32(resetIfViolated(falseB))) impossible |= REFINE_FALSE_IMPOSSIBLE
  return impossible
}
