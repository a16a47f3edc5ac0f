/** Internet checksums (RFC 1071) as include/net/checksum.h has them: 32-bit one's complement sums, little-endian. */
import { pointer } from './env'

@inline
export function add32(a: u32, b: u32): u32 {
  const sum = a + b
  return sum + u32(sum < b)
}

@inline
export function sub32(a: u32, b: u32): u32 {
  return add32(a, ~b)
}

/** csum_fold: 16 bits, complemented. */
@inline
export function fold(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16)
  sum = (sum & 0xffff) + (sum >> 16)
  return ~sum & 0xffff
}

/** csum_partial. */
export function partial(at: usize, size: usize, sum: u32): u32 {
  // Halves of 32 bits: 2^32 of them fit before the total overflows.
  let total: u64 = sum
  while (size >= 16) {
    const a = load<u64>(at)
    const b = load<u64>(at, 8)
    total += (a & 0xffff_ffff) + (a >> 32) + (b & 0xffff_ffff) + (b >> 32)
    at += 16
    size -= 16
  }
  while (size >= 4) {
    total += load<u32>(at)
    at += 4
    size -= 4
  }
  if (size & 2) {
    total += load<u16>(at)
    at += 2
  }
  if (size & 1) total += load<u8>(at)
  total = (total & 0xffff_ffff) + (total >> 32)
  total = (total & 0xffff_ffff) + (total >> 32)
  return <u32>total
}

/** csum_from32to16. */
@inline
function narrow(sum: u32): u32 {
  return (sum + rotl<u32>(sum, 16)) >> 16
}

export function csum_diff(from: u64, fromSize: u64, to: u64, toSize: u64, seed: u64): u64 {
  const before = <u32>fromSize
  const after = <u32>toSize
  let sum = <u32>seed
  if (before != 0 && after != 0) {
    sum = sub32(partial(pointer(to), after, sum), partial(pointer(from), before, 0))
  } else if (after != 0) {
    sum = partial(pointer(to), after, sum)
  } else if (before != 0) {
    sum = ~partial(pointer(from), before, ~sum)
  }
  return narrow(sum)
}
