/**
 * The numeric domain once more, plainly: every operation of Linux 6.18 on BigInts, each written once for both widths. The
 * tests of this folder hold the WebAssembly module against it, bound by bound and bit by bit.
 */
import * as layout from '../../src/layout.ts'

export type Pair = readonly [low: bigint, high: bigint]
export type Width = 32 | 64
/** Bits known to be 1, and bits not known. */
export type Tnum = readonly [value: bigint, mask: bigint]

export interface Numeric {
  tnum: Tnum
  s32: Pair
  u32: Pair
  s64: Pair
  u64: Pair
}

const U32 = 0xffff_ffffn
const U64 = 0xffff_ffff_ffff_ffffn
const widths: readonly Width[] = [32, 64]
const unsigned = (bits: number, x: bigint): bigint => BigInt.asUintN(bits, x)
const signed = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x)
const before = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
export const least = (...all: bigint[]): bigint => all.sort(before)[0]!
export const most = (...all: bigint[]): bigint => all.sort(before).at(-1)!
const all = (bits: Width): bigint => (1n << BigInt(bits)) - 1n
export const anySigned = (bits: Width): Pair => [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
export const anyUnsigned = (bits: Width): Pair => [0n, all(bits)]

const s = (r: Numeric, bits: Width): Pair => (bits === 32 ? r.s32 : r.s64)
const u = (r: Numeric, bits: Width): Pair => (bits === 32 ? r.u32 : r.u64)
const setS = (r: Numeric, bits: Width, to: Pair): void => void (bits === 32 ? (r.s32 = to) : (r.s64 = to))
const setU = (r: Numeric, bits: Width, to: Pair): void => void (bits === 32 ? (r.u32 = to) : (r.u64 = to))

export const unbounded = (bits: Width, r: Numeric): void => {
  setS(r, bits, anySigned(bits))
  setU(r, bits, anyUnsigned(bits))
}

export const unknown = (): Numeric => ({
  tnum: [0n, U64],
  s32: anySigned(32),
  u32: anyUnsigned(32),
  s64: anySigned(64),
  u64: anyUnsigned(64),
})

export const known = (value: bigint): Numeric => {
  const x = unsigned(64, value)
  const pair = (y: bigint): Pair => [y, y]
  return {
    tnum: [x, 0n],
    s32: pair(signed(32, x)),
    u32: pair(unsigned(32, x)),
    s64: pair(signed(64, x)),
    u64: pair(x),
  }
}

const become = (r: Numeric, other: Numeric): void => void Object.assign(r, other)

/** kernel/bpf/tnum.c */
export const tnums = {
  add([a, am]: Tnum, [b, bm]: Tnum): Tnum {
    const sum = a + b
    const mask = unsigned(64, (sum + am + bm) ^ sum) | am | bm
    return [unsigned(64, sum) & ~mask, mask]
  },
  sub([a, am]: Tnum, [b, bm]: Tnum): Tnum {
    const difference = a - b
    const mask = unsigned(64, (difference + am) ^ (difference - bm)) | am | bm
    return [unsigned(64, difference) & ~mask, mask]
  },
  and: ([a, am]: Tnum, [b, bm]: Tnum): Tnum => [a & b, (a | am) & (b | bm) & ~(a & b)],
  or: ([a, am]: Tnum, [b, bm]: Tnum): Tnum => [a | b, (am | bm) & ~(a | b)],
  xor: ([a, am]: Tnum, [b, bm]: Tnum): Tnum => [(a ^ b) & ~(am | bm), am | bm],
  intersect: ([a, am]: Tnum, [b, bm]: Tnum): Tnum => [(a | b) & ~(am & bm), am & bm],
  union([a, am]: Tnum, [b, bm]: Tnum): Tnum {
    const mask = am | bm | (a ^ b)
    return [a & b & ~mask, mask]
  },
  mul(x: Tnum, y: Tnum): Tnum {
    let sum: Tnum = [0n, 0n]
    for (let bit = 0n; bit < 64n; bit++) {
      const shifted: Tnum = [unsigned(64, y[0] << bit), unsigned(64, y[1] << bit)]
      if ((x[0] >> bit) & 1n) sum = tnums.add(sum, shifted)
      else if ((x[1] >> bit) & 1n) sum = tnums.union(sum, tnums.add(sum, shifted))
    }
    return sum
  },
  range(low: bigint, high: bigint): Tnum {
    const differ = low ^ high
    const mask = differ === 0n ? 0n : (1n << BigInt(differ.toString(2).length)) - 1n
    return [low & ~mask, mask]
  },
  arshift: ([a, am]: Tnum, by: bigint, bits: number): Tnum => [
    unsigned(bits, signed(bits, a) >> by),
    unsigned(bits, signed(bits, am) >> by),
  ],
  low: ([a, am]: Tnum, bits: number): Tnum => [unsigned(bits, a), unsigned(bits, am)],
  withLow: ([a, am]: Tnum, [b, bm]: Tnum): Tnum => [(a & ~U32) | (b & U32), (am & ~U32) | (bm & U32)],
  /** The smallest member above `at`, or else the largest of all. */
  step([value, mask]: Tnum, at: bigint): bigint {
    for (let bit = 0n; bit < 64n; bit++) {
      if ((at >> bit) & 1n || !(((value | mask) >> bit) & 1n)) continue
      const above = U64 & ~((2n << bit) - 1n)
      if ((at & above & ~mask) !== (value & above)) continue
      return (at & above) | (1n << bit) | (value & ((1n << bit) - 1n))
    }
    return value | mask
  },
}

/** `__update_reg_bounds` */
export function updateBounds(r: Numeric, only32 = false): void {
  for (const bits of only32 ? ([32] as const) : widths) {
    const [value, mask] = tnums.low(r.tnum, bits)
    const sign = 1n << BigInt(bits - 1)
    const [sl, sh] = s(r, bits)
    const [ul, uh] = u(r, bits)
    setS(r, bits, [
      most(sl, signed(bits, value | (mask & sign))),
      least(sh, signed(bits, value | (mask & ~sign))),
    ])
    setU(r, bits, [most(ul, value), least(uh, value | mask)])
  }
  if (only32) return
  const [low, high] = r.u64
  const [value, mask] = r.tnum
  const next = tnums.step(r.tnum, low)
  if ((low & ~mask) === value) {
    if (next > high) become(r, known(low))
  } else if (next === (value | mask)) become(r, known(next))
  else if (next <= high && tnums.step(r.tnum, next) > high) become(r, known(next))
}

/** `__reg_deduce_bounds`: 64 to 32 bits, between the signs, 32 to 64 bits. */
function deduce(r: Numeric): void {
  const narrow = ([low, high]: Pair, isUnsigned: boolean): void => {
    const l = unsigned(64, low)
    const h = unsigned(64, high)
    const [l32, h32] = [signed(32, l), signed(32, h)]
    const toSigned = (): void => void (r.s32 = [most(r.s32[0], l32), least(r.s32[1], h32)])
    if (l >> 32n === h >> 32n) {
      if (isUnsigned || (l & U32) <= (h & U32)) r.u32 = [most(r.u32[0], l & U32), least(r.u32[1], h & U32)]
      if (l32 <= h32) toSigned()
    }
  }
  const across = ([low, high]: Pair): void => {
    const l = unsigned(64, low)
    const h = unsigned(64, high)
    const [l32, h32] = [signed(32, l), signed(32, h)]
    if (unsigned(32, (l >> 32n) + 1n) === h >> 32n && l32 < 0n && h32 >= 0n)
      r.s32 = [most(r.s32[0], l32), least(r.s32[1], h32)]
  }
  narrow(r.u64, true)
  narrow(r.s64, false)
  across(r.u64)
  across(r.s64)
  for (const bits of widths) {
    const [ul, uh] = u(r, bits)
    if (signed(bits, ul) <= signed(bits, uh)) {
      const [sl, sh] = s(r, bits)
      setS(r, bits, [most(sl, signed(bits, ul)), least(sh, signed(bits, uh))])
    }
    const [sl, sh] = s(r, bits)
    const [first, last] = [unsigned(bits, sl), unsigned(bits, sh)]
    if (first <= last) setU(r, bits, [most(ul, first), least(uh, last)])
    else if (uh < first) {
      setS(r, bits, [signed(bits, ul), sh])
      setU(r, bits, [ul, least(uh, last)])
    } else if (last < ul) {
      setS(r, bits, [sl, signed(bits, uh)])
      setU(r, bits, [most(ul, first), uh])
    }
  }
  const lower = (x: bigint, low: bigint): bigint => (unsigned(64, x) & ~U32) | low
  r.u64 = [most(r.u64[0], lower(r.u64[0], r.u32[0])), least(r.u64[1], lower(r.u64[1], r.u32[1]))]
  r.s64 = [
    most(r.s64[0], signed(64, lower(r.s64[0], r.u32[0]))),
    least(r.s64[1], signed(64, lower(r.s64[1], r.u32[1]))),
  ]
  const [narrowest, widest] = anySigned(32)
  if (r.s32[0] >= 0n && r.s64[0] >= narrowest && r.s64[1] <= widest) {
    r.s64 = r.s32
    r.u64 = [unsigned(64, r.s32[0]), unsigned(64, r.s32[1])]
    r.tnum = tnums.intersect(r.tnum, tnums.range(...r.u64))
  }
}

/** `reg_bounds_sync` */
export function sync(r: Numeric): void {
  updateBounds(r)
  for (let round = 0; round < 3; round++) deduce(r)
  const wide = tnums.intersect(r.tnum, tnums.range(...r.u64))
  const low = tnums.intersect(tnums.low(wide, 32), tnums.range(...r.u32))
  // As tnum_or of the upper half with the lower.
  r.tnum = tnums.or([wide[0] & ~U32, wide[1] & ~U32], low)
  updateBounds(r)
}

/** `reg_bounds_sanity_check` */
export function violated(r: Numeric): boolean {
  return widths.some((bits) => {
    const [sl, sh] = s(r, bits)
    const [ul, uh] = u(r, bits)
    if (sl > sh || ul > uh) return true
    const [value, mask] = tnums.low(r.tnum, bits)
    return (
      mask === 0n &&
      !(ul === value && uh === value && sl === signed(bits, value) && sh === signed(bits, value))
    )
  })
}

/** `__reg_assign_32_into_64` */
export function assign32into64(r: Numeric): void {
  r.u64 = r.u32
  r.s64 = r.s32[0] >= 0n && r.s32[1] >= 0n ? r.s32 : [0n, U32]
}

export function zext32to64(r: Numeric): void {
  r.tnum = tnums.low(r.tnum, 32)
  assign32into64(r)
}

const fits = ([low, high]: Pair, x: bigint): boolean => low <= x && x <= high

export function addPairs(r: Numeric, other: Numeric): void {
  for (const bits of widths) {
    const [a, b] = [s(r, bits), s(other, bits)]
    const sums: Pair = [a[0] + b[0], a[1] + b[1]]
    setS(r, bits, sums.every((x) => fits(anySigned(bits), x)) ? sums : anySigned(bits))
    const [c, d] = [u(r, bits), u(other, bits)]
    const [low, high] = [c[0] + d[0], c[1] + d[1]]
    if (low <= all(bits) && high > all(bits)) setU(r, bits, anyUnsigned(bits))
    else setU(r, bits, [unsigned(bits, low), unsigned(bits, high)])
  }
}

function subPairs(r: Numeric, other: Numeric): void {
  for (const bits of widths) {
    const [a, b] = [s(r, bits), s(other, bits)]
    const differences: Pair = [a[0] - b[1], a[1] - b[0]]
    setS(r, bits, differences.every((x) => fits(anySigned(bits), x)) ? differences : anySigned(bits))
    const [c, d] = [u(r, bits), u(other, bits)]
    const [low, high] = [c[0] - d[1], c[1] - d[0]]
    if (low < 0n && high >= 0n) setU(r, bits, anyUnsigned(bits))
    else setU(r, bits, [unsigned(bits, low), unsigned(bits, high)])
  }
}

function mulPairs(r: Numeric, other: Numeric): void {
  for (const bits of widths) {
    const [a, b] = [s(r, bits), s(other, bits)]
    const products = a.flatMap((x) => b.map((y) => x * y))
    const fine = products.every((x) => fits(anySigned(bits), x))
    setS(r, bits, fine ? [least(...products), most(...products)] : anySigned(bits))
    const [c, d] = [u(r, bits), u(other, bits)]
    const ends: Pair = [c[0] * d[0], c[1] * d[1]]
    setU(r, bits, ends.every((x) => x <= all(bits)) ? ends : anyUnsigned(bits))
  }
}

function bitwise(op: number, r: Numeric, src: Numeric): void {
  const srcTnum = src.tnum
  const other = { 32: src.u32, 64: src.u64 }
  r.tnum = (op === layout.BPF_AND ? tnums.and : op === layout.BPF_OR ? tnums.or : tnums.xor)(r.tnum, srcTnum)
  for (const bits of widths) {
    const [value, mask] = tnums.low(r.tnum, bits)
    if ((tnums.low(srcTnum, bits)[1] | mask) === 0n) {
      if (bits === 64) become(r, known(value))
      else {
        r.tnum = tnums.withLow(r.tnum, [value, 0n])
        r.s32 = [signed(32, value), signed(32, value)]
        r.u32 = [value, value]
      }
      continue
    }
    const [low, high] = u(r, bits)
    const to: Pair =
      op === layout.BPF_AND
        ? [value, least(high, other[bits][1])]
        : op === layout.BPF_OR
          ? [most(low, other[bits][0]), value | mask]
          : [value, value | mask]
    setU(r, bits, to)
    const ends: Pair = [signed(bits, to[0]), signed(bits, to[1])]
    setS(r, bits, ends[0] <= ends[1] ? ends : anySigned(bits))
    if (bits === 64) updateBounds(r)
  }
}

function shiftLeftPairs(r: Numeric, bits: Width, by: bigint): void {
  const room = BigInt(bits - 1) - by
  const [low, high] = u(r, bits)
  if (room < 0n || high > 1n << room) setU(r, bits, anyUnsigned(bits))
  else setU(r, bits, [unsigned(bits, low << by), unsigned(bits, high << by)])
}

function shift(op: number, is64: boolean, r: Numeric, by: bigint): void {
  const bits = is64 ? 64 : 32
  const [value, mask] = tnums.low(r.tnum, bits)
  if (op === layout.BPF_LSH) {
    if (is64) {
      r.s64 = by === 32n ? [r.s32[0] << 32n, r.s32[1] << 32n] : anySigned(64)
      shiftLeftPairs(r, 64, by)
    }
    r.s32 = anySigned(32)
    shiftLeftPairs(r, 32, by)
    r.tnum = tnums.low([value << by, mask << by], bits)
  } else if (op === layout.BPF_RSH) {
    const [low, high] = u(r, bits)
    setS(r, bits, anySigned(bits))
    setU(r, bits, [low >> by, high >> by])
    r.tnum = [value >> by, mask >> by]
    if (is64) unbounded(32, r)
  } else {
    const [low, high] = s(r, bits)
    setS(r, bits, [low >> by, high >> by])
    setU(r, bits, anyUnsigned(bits))
    r.tnum = tnums.arshift([value, mask], by, bits)
    if (is64) unbounded(32, r)
  }
  if (!is64) unbounded(64, r)
  updateBounds(r, !is64)
}

/** `adjust_scalar_min_max_vals`; false where the result is unknown by decree. */
export function alu(op: number, is64: boolean, r: Numeric, operand: Numeric): boolean {
  // The operand as it is now, even if it is the same register.
  const src = { ...operand }
  const bits = is64 ? 64 : 32
  switch (op) {
    case layout.BPF_ADD:
    case layout.BPF_SUB:
      ;(op === layout.BPF_ADD ? addPairs : subPairs)(r, src)
      r.tnum = (op === layout.BPF_ADD ? tnums.add : tnums.sub)(r.tnum, src.tnum)
      break
    case layout.BPF_NEG: {
      const zero = known(0n)
      const before = { ...r }
      become(r, zero)
      subPairs(r, before)
      r.tnum = tnums.sub([0n, 0n], before.tnum)
      break
    }
    case layout.BPF_MUL:
      r.tnum = tnums.mul(r.tnum, src.tnum)
      mulPairs(r, src)
      break
    case layout.BPF_AND:
    case layout.BPF_OR:
    case layout.BPF_XOR:
      bitwise(op, r, src)
      break
    case layout.BPF_LSH:
    case layout.BPF_RSH:
    case layout.BPF_ARSH: {
      const [sl, sh] = s(src, bits)
      const [ul, uh] = u(src, bits)
      if (
        tnums.low(src.tnum, bits)[1] !== 0n ||
        sl !== sh ||
        ul !== uh ||
        // The kernel asks the 64-bit bound at both widths.
        src.u64[1] >= BigInt(bits)
      ) {
        become(r, unknown())
        return false
      }
      shift(op, is64, r, ul)
      break
    }
    default:
      become(r, unknown())
      return false
  }
  if (!is64) zext32to64(r)
  sync(r)
  return true
}

/** The negation of BPF_JSET, which has no opcode of its own. */
const CLEAR = -1
const PAIRS = [
  [layout.BPF_JEQ, layout.BPF_JNE],
  [layout.BPF_JGE, layout.BPF_JLT],
  [layout.BPF_JGT, layout.BPF_JLE],
  [layout.BPF_JSGE, layout.BPF_JSLT],
  [layout.BPF_JSGT, layout.BPF_JSLE],
  [layout.BPF_JSET, CLEAR],
] as const
const negation = new Map<number, number>(
  PAIRS.flatMap(([x, y]) => [
    [x, y],
    [y, x],
  ]),
)
const SWAPPED: Readonly<Record<number, number>> = {
  [layout.BPF_JGE]: layout.BPF_JLE,
  [layout.BPF_JGT]: layout.BPF_JLT,
  [layout.BPF_JSGE]: layout.BPF_JSLE,
  [layout.BPF_JSGT]: layout.BPF_JSLT,
}
const isSignedJump = (op: number): boolean => op === layout.BPF_JSLT || op === layout.BPF_JSLE
const isStrict = (op: number): boolean => op === layout.BPF_JLT || op === layout.BPF_JSLT

/** `is_scalar_branch_taken`: whether the jump is taken always (1), never (0), or either (-1). */
export function branchTaken(op: number, is32: boolean, a: Numeric, b: Numeric): number {
  const bits = is32 ? 32 : 64
  const [av, am] = tnums.low(a.tnum, bits)
  const [bv, bm] = tnums.low(b.tnum, bits)
  const apart = (x: Pair, y: Pair): boolean => x[0] > y[1] || x[1] < y[0]
  if (op === layout.BPF_JEQ || op === layout.BPF_JNE) {
    const yes = Number(op === layout.BPF_JEQ)
    if ((am | bm) === 0n) return av === bv ? yes : 1 - yes
    const differ =
      ((av ^ bv) & ~(am | bm)) !== 0n ||
      (!is32 && (apart(a.u64, b.u64) || apart(a.s64, b.s64))) ||
      apart(a.u32, b.u32) ||
      apart(a.s32, b.s32)
    return differ ? 1 - yes : -1
  }
  if (op === layout.BPF_JSET) {
    const [[v, m], bitsSet] = bm === 0n ? [[av, am], bv] : [[bv, bm], av]
    if (bm !== 0n && am !== 0n) return -1
    if (v! & bitsSet) return 1
    return (v! | m!) & bitsSet ? -1 : 0
  }
  if (SWAPPED[op] !== undefined) return branchTaken(SWAPPED[op], is32, b, a)
  const range = (r: Numeric): Pair => (isSignedJump(op) ? s(r, bits) : u(r, bits))
  const [x, y] = [range(a), range(b)]
  if (isStrict(op)) return x[1] < y[0] ? 1 : x[0] >= y[1] ? 0 : -1
  return x[1] <= y[0] ? 1 : x[0] > y[1] ? 0 : -1
}

/** `regs_refine_cond_op` */
function refineBy(op: number, bits: Width, a: Numeric, b: Numeric): void {
  if (op === layout.BPF_JEQ) refineEqual(bits, a, b)
  else if (op === layout.BPF_JNE || op === layout.BPF_JSET || op === CLEAR) {
    const isConstant = (r: Numeric): boolean => tnums.low(r.tnum, bits)[1] === 0n
    if (isConstant(b)) refineByConstant(op, bits, a, tnums.low(b.tnum, bits)[0])
    else if (isConstant(a)) refineByConstant(op, bits, b, tnums.low(a.tnum, bits)[0])
  } else if (SWAPPED[op] !== undefined) refineLess(SWAPPED[op], bits, b, a)
  else refineLess(op, bits, a, b)
}

function refineByConstant(op: number, bits: Width, r: Numeric, x: bigint): void {
  const [value, mask] = r.tnum
  if (op === layout.BPF_JNE) {
    const shrink = ([low, high]: Pair, y: bigint): Pair => [
      low + BigInt(low === y),
      high - BigInt(high === y),
    ]
    const [ul, uh] = shrink(u(r, bits), x)
    setU(r, bits, [unsigned(bits, ul), unsigned(bits, uh)])
    const [sl, sh] = shrink(s(r, bits), signed(bits, x))
    setS(r, bits, [signed(bits, sl), signed(bits, sh)])
  } else if (op === CLEAR) {
    for (const width of widths) unbounded(width, r)
    r.tnum = [value & ~x, mask & ~x]
  } else if (x !== 0n && (x & (x - 1n)) === 0n) r.tnum = [value | x, mask & ~x]
}

function refineEqual(bits: Width, a: Numeric, b: Numeric): void {
  const meet = (x: Pair, y: Pair): Pair => [most(x[0], y[0]), least(x[1], y[1])]
  const signedRange = meet(s(a, bits), s(b, bits))
  const unsignedRange = meet(u(a, bits), u(b, bits))
  const tnum = tnums.intersect(tnums.low(a.tnum, bits), tnums.low(b.tnum, bits))
  for (const r of [a, b]) {
    setS(r, bits, signedRange)
    setU(r, bits, unsignedRange)
    r.tnum = bits === 32 ? tnums.withLow(r.tnum, tnum) : tnum
  }
}

function refineLess(op: number, bits: Width, a: Numeric, b: Numeric): void {
  const by = isStrict(op) ? 1n : 0n
  const [get, set, wrap] = isSignedJump(op) ? ([s, setS, signed] as const) : ([u, setU, unsigned] as const)
  const high = least(get(a, bits)[1], wrap(bits, get(b, bits)[1] - by))
  set(a, bits, [get(a, bits)[0], high])
  const low = most(wrap(bits, get(a, bits)[0] + by), get(b, bits)[0])
  set(b, bits, [low, get(b, bits)[1]])
}

/** `reg_set_min_max` for one of the two branches; whether the branch is impossible. */
export function refine(op: number, holds: boolean, is32: boolean, a: Numeric, b: Numeric): boolean {
  refineBy(holds ? op : negation.get(op)!, is32 ? 32 : 64, a, b)
  let impossible = false
  for (const r of [a, b]) sync(r)
  for (const r of [a, b]) {
    if (!violated(r)) continue
    impossible = true
    for (const bits of widths) unbounded(bits, r)
  }
  return impossible
}

/** `coerce_reg_to_size` */
export function coerce(r: Numeric, size: number): void {
  if (size === 8) return
  const bits = size * 8
  const low = (1n << BigInt(bits)) - 1n
  r.tnum = tnums.low(r.tnum, bits)
  const [first, last] = r.u64
  r.u64 = (first & ~low) === (last & ~low) ? [first & low, last & low] : [0n, low]
  r.s64 = [signed(64, r.u64[0]), signed(64, r.u64[1])]
  if (size < 4) unbounded(32, r)
  sync(r)
}

/** `coerce_reg_to_size_sx` (64 bits) and `coerce_subreg_to_size_sx` (32 bits). */
export function extend(r: Numeric, size: number, to: Width): void {
  if (size === 8) return
  const bits = size * 8
  const [value, mask] = r.tnum
  const [first, last] = s(r, to)
  const ends = [signed(bits, first), signed(bits, last)]
  const [low, high] = [least(...ends), most(...ends)]
  const setRanges = (range: Pair): void => {
    if (to === 64) {
      r.s64 = range
      r.u64 = [unsigned(64, range[0]), unsigned(64, range[1])]
    }
    r.s32 = range
    r.u32 = [unsigned(32, range[0]), unsigned(32, range[1])]
  }
  if (mask === 0n) {
    const x = signed(bits, value)
    if (to === 64) become(r, known(x))
    else {
      r.tnum = [unsigned(64, x), 0n]
      setRanges([x, x])
    }
  } else if (first >> BigInt(bits) === last >> BigInt(bits) && low >= 0n === high >= 0n) {
    // As the kernel has it, the 32-bit bounds of a sign-extended 64-bit value are cut off.
    setRanges([low, high])
    r.s32 = [signed(32, low), signed(32, high)]
    const [v, m] = tnums.range(unsigned(64, low), unsigned(64, high))
    r.tnum = tnums.low([v, m], to)
  } else {
    const top = (1n << BigInt(bits - 1)) - 1n
    if (to === 64) {
      become(r, unknown())
      r.s64 = [~top, top]
    } else {
      r.tnum = [0n, U32]
      r.u32 = anyUnsigned(32)
    }
    r.s32 = [~top, top]
  }
}

const swapBytes = (x: bigint, bits: number): bigint => {
  let result = 0n
  for (let at = 0n; at < BigInt(bits); at += 8n) result = (result << 8n) | ((x >> at) & 0xffn)
  return result
}

/** `scalar_byte_swap` */
export function byteSwap(r: Numeric, bits: number, swap: boolean): void {
  if (swap) {
    r.tnum = [swapBytes(r.tnum[0], bits), swapBytes(r.tnum[1], bits)]
    for (const width of widths) unbounded(width, r)
  }
  coerce(r, bits / 8)
  sync(r)
}
