/** bpf_iter_bits_* (kernel/bpf/helpers.c): the set bits of words that are copied first. */
import { E2BIG, EFAULT, EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import { contains, pointer, result } from './env'

// @ts-ignore: decorator
@external("memory", "alloc")
declare function allocate(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "free")
declare function release(address: u32): i32

// struct bpf_iter_bits_kern: the one word, or the address of a copy of more; the number of bits, the bit given last.
const WORD: usize = 0
const COUNT: usize = 8
const BIT: usize = 12
const MAX_WORDS: u32 = 511

export function iter_bits_new(iterator: u64, words: u64, count: u64, r4: u64, r5: u64): u64 {
  const it = pointer(iterator)
  const n = <u32>count
  const bytes = n << 3
  store<u64>(it, 0, WORD)
  store<u32>(it, 0, COUNT)
  store<i32>(it, -1, BIT)
  if (words == 0 || n == 0) return result(-EINVAL)
  if (n > MAX_WORDS) return result(-E2BIG)
  if (words >> 32 != 0 || contains(<u32>words, bytes) == 0) return result(-EFAULT)
  if (n == 1) store<u64>(it, load<u64>(<usize>words), WORD)
  else {
    const copy: usize = allocate(bytes, 8)
    if (copy == 0) return result(-ENOMEM)
    memory.copy(copy, <usize>words, bytes)
    store<u64>(it, <u64>copy, WORD)
  }
  store<u32>(it, bytes << 3, COUNT)
  return 0
}

/** The address of the next set bit's number, or null. */
export function iter_bits_next(iterator: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const it = pointer(iterator)
  const count = load<u32>(it, COUNT)
  if (count == 0) return 0
  const words: usize = count == 64 ? it + WORD : <usize>load<u64>(it, WORD)
  for (let bit = load<i32>(it, BIT) + 1; bit < <i32>count; ) {
    const rest = load<u64>(words + ((bit >> 6) << 3)) >> (bit & 63)
    if (rest == 0) {
      bit = (bit | 63) + 1
      continue
    }
    store<i32>(it, bit + <i32>ctz(rest), BIT)
    return <u64>(it + BIT)
  }
  store<u32>(it, 0, COUNT)
  if (count != 64) {
    release(<u32>words)
    store<u64>(it, 0, WORD)
  }
  return 0
}

export function iter_bits_destroy(iterator: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const it = pointer(iterator)
  const count = load<u32>(it, COUNT)
  if (count > 64) release(<u32>load<u64>(it, WORD))
  store<u32>(it, 0, COUNT)
  return 0
}
