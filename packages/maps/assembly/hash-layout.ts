/** Hash maps: where a value is, and how a key becomes a bucket. */
import { MAP_KEY_SIZE } from '../../registry/src/layout/map'
import { SECRET, SECRET_BASE, VALUE, VALUE_SCALE } from '../src/layout/hash'

export * from '../src/layout/hash'

// Bits of KIND.
export const LRU: u32 = 1
export const PER_CPU: u32 = 2

/**
 * Where an element's value is. With threads values have lines of the cache of their own: a lookup that passes an
 * element does not wait for the worker that writes its value.
 */
@inline
export function valueOf(map: usize, element: usize): usize {
  return (SHARED ? element * load<u32>(map, VALUE_SCALE) : element) + load<u32>(map, VALUE)
}

const MULTIPLIER: u64 = 0xd1342543de82ef95
const INCREMENT: u64 = 0x9e3779b97f4a7c15

@inline
export function advance(secret: u64): u64 {
  return secret * MULTIPLIER + INCREMENT
}

/**
 * Pair-multiply-shift (Thorup, "String hashing for linear probing", 2009): sum of (low + a)(high + b) over the key's
 * 8-byte words with fresh 64-bit secrets for each, of which the upper half is the hash. For secrets that nobody knows,
 * two different keys collide with a chance of 2^-32, whatever they are.
 */
@inline
export function hash4(map: usize, key: usize): u32 {
  const product = (<u64>load<u32>(key) + load<u64>(map, SECRET)) * load<u64>(map, SECRET + 8)
  return <u32>((product + load<u64>(map, SECRET_BASE)) >> 32)
}

@inline
function pair(word: u64, a: u64, b: u64): u64 {
  return ((word & 0xffff_ffff) + a) * ((word >> 32) + b)
}

@inline
export function hash8(map: usize, key: usize): u32 {
  const sum =
    load<u64>(map, SECRET_BASE) + pair(load<u64>(key), load<u64>(map, SECRET), load<u64>(map, SECRET + 8))
  return <u32>(sum >> 32)
}

@inline
export function hash16(map: usize, key: usize): u32 {
  const sum =
    load<u64>(map, SECRET_BASE) +
    pair(load<u64>(key), load<u64>(map, SECRET), load<u64>(map, SECRET + 8)) +
    pair(load<u64>(key, 8), load<u64>(map, SECRET + 16), load<u64>(map, SECRET + 24))
  return <u32>(sum >> 32)
}

/** The 1 to 7 bytes behind a key's last whole word, the rest zero. */
@inline
export function tail(at: usize, bytes: u32): u64 {
  if (bytes & 4) {
    const high = <u64>load<u32>(at + bytes - 4) >> ((8 - bytes) << 3)
    return <u64>load<u32>(at) | (high << 32)
  }
  if (bytes == 1) return load<u8>(at)
  const low = <u64>load<u16>(at)
  return bytes == 2 ? low : low | ((<u64>load<u8>(at, 2)) << 16)
}

/** For any key size; the same numbers as the functions above for theirs. */
export function hashAny(map: usize, key: usize): u32 {
  let left = load<u32>(map, MAP_KEY_SIZE)
  let a = load<u64>(map, SECRET)
  let sum = load<u64>(map, SECRET_BASE)
  while (left >= 8) {
    const b = advance(a)
    sum += pair(load<u64>(key), a, b)
    a = advance(b)
    key += 8
    left -= 8
  }
  if (left != 0) sum += pair(tail(key, left), a, advance(a))
  return <u32>(sum >> 32)
}

/** Whether an element's key (padded with zeros) equals one of any size. */
export function sameAny(map: usize, at: usize, key: usize): bool {
  let left = load<u32>(map, MAP_KEY_SIZE)
  while (left >= 8) {
    if (load<u64>(at) != load<u64>(key)) return false
    at += 8
    key += 8
    left -= 8
  }
  return left == 0 || load<u64>(at) == tail(key, left)
}
