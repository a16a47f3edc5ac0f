/** Numbers in text and comparison (kernel/bpf/helpers.c, lib/kstrtox.c, lib/string.c). */
import { EINVAL, ERANGE } from '../../registry/src/layout/errno'
import { pointer, result } from './env'

const BASE_MASK: u64 = 0x1f
/** Digits past so many are not looked at. */
const LONGEST: u32 = 63

@inline
function isSpace(c: u32): bool {
  return c == 0x20 || (c >= 9 && c <= 13) || c == 0xa0
}

/** The value of a digit in any base up to 16, or 16. */
@inline
function digit(c: u32): u32 {
  if (c - 0x30 < 10) return c - 0x30
  const letter = (c | 0x20) - 0x61
  return letter < 6 ? letter + 10 : 16
}

/** The byte at an offset, or 0 from the end on, as a terminated copy would have it. */
@inline
function at(text: usize, offset: u32, length: u32): u32 {
  return offset < length ? load<u8>(text + offset) : 0
}

/** What `parse` found besides its result. */
let parsed: u64 = 0
let negative: bool = false

/** __bpf_strtoull: how many bytes were used, or a negative errno; the number in `parsed`. */
function parse(buffer: usize, length: u32, flags: u64): i32 {
  let base = <u32>(flags & BASE_MASK)
  if (length == 0 || (flags & ~BASE_MASK) != 0) return -EINVAL
  if (base != 0 && base != 8 && base != 10 && base != 16) return -EINVAL
  let start: u32 = 0
  while (start < length && isSpace(load<u8>(buffer + start))) start++
  negative = start < length && load<u8>(buffer + start) == 0x2d
  if (negative) start++
  if (start == length) return -EINVAL

  const text = buffer + start
  const end = min<u32>(length - start, LONGEST)
  let i: u32 = 0
  const hex = at(text, 0, end) == 0x30 && (at(text, 1, end) | 0x20) == 0x78
  if (base == 0) {
    base = 10
    if (at(text, 0, end) == 0x30) base = hex && digit(at(text, 2, end)) < 16 ? 16 : 8
  }
  if (base == 16 && hex) i = 2

  const first = i
  let overflow = false
  let value: u64 = 0
  for (; i < end; i++) {
    const d = digit(load<u8>(text + i))
    if (d >= base) break
    if (value & 0xf000_0000_0000_0000 && value > (u64.MAX_VALUE - d) / base) overflow = true
    value = value * base + d
  }
  if (overflow) return -ERANGE
  if (i == first) return -EINVAL
  parsed = value
  return start + i
}

export function strtol(buffer: u64, length: u64, flags: u64, out: u64, r5: u64): u64 {
  store<u64>(pointer(out), 0)
  const used = parse(pointer(buffer), <u32>length, flags)
  if (used < 0) return result(used)
  const value = negative ? <i64>(0 - parsed) : <i64>parsed
  if (negative ? value > 0 : value < 0) return result(-ERANGE)
  store<i64>(pointer(out), value)
  return result(used)
}

export function strtoul(buffer: u64, length: u64, flags: u64, out: u64, r5: u64): u64 {
  store<u64>(pointer(out), 0)
  const used = parse(pointer(buffer), <u32>length, flags)
  if (used < 0) return result(used)
  if (negative) return result(-EINVAL)
  store<u64>(pointer(out), parsed)
  return result(used)
}

/** -1, 0 or 1. */
export function strncmp(first: u64, size: u64, second: u64, r4: u64, r5: u64): u64 {
  const a = pointer(first)
  const b = pointer(second)
  for (let i: u32 = 0; i < <u32>size; i++) {
    const x = load<u8>(a + i)
    const y = load<u8>(b + i)
    if (x != y) return result(x < y ? -1 : 1)
    if (x == 0) break
  }
  return 0
}
