// Tristate numbers (kernel/bpf/tnum.c): each bit is known (its value in `value`, 0 in `mask`) or not (0 and 1).
// A tnum passes as two u64; a result is left in `tv` and `tm`, which spares an allocation per operation.

export let tv: u64 = 0
export let tm: u64 = 0

// @ts-ignore: decorator
@inline
function set(value: u64, mask: u64): void {
  tv = value
  tm = mask
}

// @ts-ignore: decorator
@inline
export function range(min: u64, max: u64): void {
  const bits = 64 - clz<u64>(min ^ max)
  // A shift by 64 would shift by 0.
  const unknown = bits > 63 ? ~(0 as u64) : ((1 as u64) << bits) - 1
  set(min & ~unknown, unknown)
}

// @ts-ignore: decorator
@inline
export function add(av: u64, am: u64, bv: u64, bm: u64): void {
  const value = av + bv
  // Bits that change between all unknown bits 0 and all 1 are those that a carry may reach.
  const mask = ((am + bm + value) ^ value) | am | bm
  set(value & ~mask, mask)
}

// @ts-ignore: decorator
@inline
export function sub(av: u64, am: u64, bv: u64, bm: u64): void {
  const value = av - bv
  const mask = ((value + am) ^ (value - bm)) | am | bm
  set(value & ~mask, mask)
}

// @ts-ignore: decorator
@inline
export function and(av: u64, am: u64, bv: u64, bm: u64): void {
  const value = av & bv
  set(value, (av | am) & (bv | bm) & ~value)
}

// @ts-ignore: decorator
@inline
export function or(av: u64, am: u64, bv: u64, bm: u64): void {
  const value = av | bv
  set(value, (am | bm) & ~value)
}

// @ts-ignore: decorator
@inline
export function xor(av: u64, am: u64, bv: u64, bm: u64): void {
  const mask = am | bm
  set((av ^ bv) & ~mask, mask)
}

// Long multiplication: a known 1 of `a` adds `b`, an unknown bit gives the union of adding and not adding.
export function mul(av: u64, am: u64, bv: u64, bm: u64): void {
  if (!(am | bm)) {
    set(av * bv, 0)
    return
  }
  let value: u64 = 0
  let mask: u64 = 0
  while (av | am) {
    if (av & 1) {
      add(value, mask, bv, bm)
      value = tv
      mask = tm
    } else if (am & 1) {
      add(value, mask, bv, bm)
      union(value, mask, tv, tm)
      value = tv
      mask = tm
    }
    av >>= 1
    am >>= 1
    bv <<= 1
    bm <<= 1
  }
  set(value, mask)
}

// @ts-ignore: decorator
@inline
export function arshift(av: u64, am: u64, shift: u64, bits: i32): void {
  if (bits == 32) {
    const by = <i32>shift
    set(<u64>(<u32>(<i32>av >> by)), <u64>(<u32>(<i32>am >> by)))
  } else {
    set(<u64>(<i64>av >> <i64>shift), <u64>(<i64>am >> <i64>shift))
  }
}

// @ts-ignore: decorator
@inline
export function intersect(av: u64, am: u64, bv: u64, bm: u64): void {
  const mask = am & bm
  set((av | bv) & ~mask, mask)
}

// @ts-ignore: decorator
@inline
export function union(av: u64, am: u64, bv: u64, bm: u64): void {
  const mask = (av ^ bv) | am | bm
  set(av & bv & ~mask, mask)
}

/** The mask of the low `size` bytes. */
// @ts-ignore: decorator
@inline
export function bytesMask(size: i32): u64 {
  return size > 7 ? ~(0 as u64) : ((1 as u64) << (<u64>size * 8)) - 1
}

// @ts-ignore: decorator
@inline
export function contains(av: u64, am: u64, bv: u64, bm: u64): bool {
  return !(bm & ~am) && av == (bv & ~am)
}

// @ts-ignore: decorator
@inline
export function overlap(av: u64, am: u64, bv: u64, bm: u64): bool {
  return !((av ^ bv) & ~(am | bm))
}

/** The smallest member of the tnum above `at`; its largest member where there is none. */
export function step(value: u64, mask: u64, at: u64): u64 {
  const last = value | mask
  if (at >= last) return last
  if (at < value) return value
  // The member that agrees with `at` in every unknown bit, if above, is right down to the highest known bit where it
  // differs; below that bit the smallest choice is best.
  const near = value | (at & mask)
  const differ = (near ^ at) & ~mask
  if (near > at) {
    const below = above(differ)
    return (at & below) | (value & ~below)
  }
  // Otherwise the unknown bits above the highest difference count one up, the known bits between them
  // let the carry pass.
  const from = above(differ)
  return ((((at | ~mask) & from) + (~from + 1)) & mask) | value
}

/** The bits above the highest bit set in `x`. */
// @ts-ignore: decorator
@inline
function above(x: u64): u64 {
  const bits = 64 - clz<u64>(x)
  return bits > 63 ? 0 : ~(0 as u64) << bits
}

/** Reverses the order of the low `size` bytes, clearing the others. */
export function swapBytes(x: u64, size: i32): u64 {
  if (size == 2) return <u64>bswap<u16>(<u16>x)
  if (size == 4) return <u64>bswap<u32>(<u32>x)
  return bswap<u64>(x)
}
