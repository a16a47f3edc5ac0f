/** BPF_MAP_TYPE_BLOOM_FILTER (kernel/bpf/bloom_filter.c): a bitmap and 1 to 15 hash functions; values have no keys. */
import { EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from '../../registry/src/layout/errno'
import {
  BPF_F_ZERO_SEED,
  MAP_COUNT,
  MAP_DATA,
  MAP_EXTRA,
  MAP_FLAGS,
  MAP_MAX_ENTRIES,
  MAP_PRIVATE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { alloc, free, setShape } from './env'
import { advance, tail } from './hash-layout'

const HASHES = MAP_PRIVATE
/** Bits - 1. */
const MASK = MAP_PRIVATE + 4
/** u64; where hash maps have theirs, so that the host seeds all alike. */
const SECRET = MAP_PRIVATE + 40

export function bloom_filter_init(map: u32): i32 {
  const hashes = load<u32>(map, MAP_EXTRA) & 15
  const count: u32 = hashes == 0 ? 5 : hashes
  // hashes / ln 2 bits for each value, as the kernel: 7/5 stands for 1 / ln 2.
  const wanted = (<u64>load<u32>(map, MAP_MAX_ENTRIES) * count) / 5 * 7
  if (wanted > 0x8000_0000) return -ENOMEM
  const bits: u64 = wanted <= 64 ? 64 : <u64>1 << (64 - clz<u64>(wanted - 1))
  const data = alloc(<u32>(bits >> 3), 64)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, count, HASHES)
  store<u32>(map, <u32>(bits - 1), MASK)
  if (load<u32>(map, MAP_FLAGS) & BPF_F_ZERO_SEED) store<u64>(map, 0, SECRET)
  return 0
}

export function bloom_filter_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
}

/** Bits of values in a row are in a row before it: Stafford's variant 13 of the finalizer of MurmurHash3. */
@inline
function mix(x: u64): u64 {
  x = (x ^ (x >> 30)) * 0xbf58_476d_1ce4_e5b9
  x = (x ^ (x >> 27)) * 0x94d0_49bb_1331_11eb
  return x ^ (x >> 31)
}

/** Two independent hashes; the others are sums of them (Kirsch and Mitzenmacher). */
function hash(map: usize, value: usize): u64 {
  let left = load<u32>(map, MAP_VALUE_SIZE)
  let a = advance(load<u64>(map, SECRET))
  let b = advance(a)
  let first = a
  let second = b
  while (left != 0) {
    const word = left >= 8 ? load<u64>(value) : tail(value, left)
    first += ((word & 0xffff_ffff) + a) * ((word >> 32) + b)
    a = advance(b)
    b = advance(a)
    second += ((word & 0xffff_ffff) + a) * ((word >> 32) + b)
    a = advance(b)
    b = advance(a)
    value += 8
    left -= min<u32>(left, 8)
  }
  return (mix(first) >> 32) | ((mix(second) >> 32) << 32)
}

export function bloom_filter_push(map: u32, value: u32, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const both = hash(map, value)
  const mask = load<u32>(map, MASK)
  const data = load<u32>(map, MAP_DATA)
  for (let i: u32 = 0; i < load<u32>(map, HASHES); i++) {
    const bit = (<u32>both + i * (<u32>(both >> 32) | 1)) & mask
    const word = data + ((bit >> 5) << 2)
    if (SHARED) atomic.or<u32>(word, <u32>1 << (bit & 31))
    else store<u32>(word, load<u32>(word) | (<u32>1 << (bit & 31)))
  }
  if (SHARED) atomic.add<u32>(map + MAP_COUNT, 1)
  else store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
  return 0
}

/** 0 when the value may have been pushed, -ENOENT when it was not. */
export function bloom_filter_peek(map: u32, value: u32): i32 {
  const both = hash(map, value)
  const mask = load<u32>(map, MASK)
  const data = load<u32>(map, MAP_DATA)
  for (let i: u32 = 0; i < load<u32>(map, HASHES); i++) {
    const bit = (<u32>both + i * (<u32>(both >> 32) | 1)) & mask
    if ((load<u32>(data + ((bit >> 5) << 2)) & (<u32>1 << (bit & 31))) == 0) return -ENOENT
  }
  return 0
}

export function bloom_filter_delete(map: u32, key: u32): i32 {
  return -EOPNOTSUPP
}

export function bloom_filter_next_key(map: u32, key: u32, next: u32): i32 {
  return -EOPNOTSUPP
}
