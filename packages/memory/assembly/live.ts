/**
 * The set of addresses that are handed out: a tree of bitmaps, one bit for each granule at the bottom, and above it one
 * bit for each non-zero 64-bit word below. Finding the block that an address lies in takes at most one word a level on
 * the way up and one on the way down, however large the block is.
 */
import { GRANULE_SHIFT, LEVEL_COUNT, LEVELS } from './layout'

@inline
function word(level: i32, index: usize): usize {
  return load<u32>(LEVELS + ((<usize>level) << 2)) + (index << 3)
}

/** Places the levels for addresses below `end` from `start` on; returns where they end. The memory must be zero. */
export function place(start: usize, end: usize): usize {
  let entries: u64 = (<u64>end) >> GRANULE_SHIFT
  for (let level = 0; level < LEVEL_COUNT; level++) {
    store<u32>(LEVELS + ((<usize>level) << 2), <u32>start)
    const words = (entries + 63) >> 6
    start += <usize>(words << 3)
    entries = words
  }
  return start
}

export function insert(address: usize): void {
  let bit = address >> GRANULE_SHIFT
  for (let level = 0; level < LEVEL_COUNT; level++) {
    const at = word(level, bit >> 6)
    const before = load<u64>(at)
    store<u64>(at, before | (<u64>1 << (bit & 63)))
    if (before != 0) return
    bit >>= 6
  }
}

export function remove(address: usize): void {
  let bit = address >> GRANULE_SHIFT
  for (let level = 0; level < LEVEL_COUNT; level++) {
    const at = word(level, bit >> 6)
    const after = load<u64>(at) & ~(<u64>1 << (bit & 63))
    store<u64>(at, after)
    if (after != 0) return
    bit >>= 6
  }
}

/** Whether a live block begins at the address, which must be inside the arena. */
@inline
export function has(address: usize): bool {
  const bit = address >> GRANULE_SHIFT
  return (address & 15) == 0 && (load<u64>(word(0, bit >> 6)) & (<u64>1 << (bit & 63))) != 0
}

/** What `floor` returns when another worker changed the tree under it: ask again under the lock. */
export const TORN: usize = 1

/** The greatest live address that is not above `address`, which must be inside the arena; 0 when there is none. */
export function floor(address: usize): usize {
  let bit = address >> GRANULE_SHIFT
  let bits = load<u64>(word(0, bit >> 6)) & (~(<u64>0) >> (63 - (bit & 63)))
  let level = 0
  while (bits == 0) {
    if (++level == LEVEL_COUNT) return 0
    bit >>= 6
    bits = load<u64>(word(level, bit >> 6)) & ((<u64>1 << (bit & 63)) - 1)
  }
  bit = ((bit >> 6) << 6) | (63 - <usize>clz<u64>(bits))
  while (level > 0) {
    level--
    bits = load<u64>(word(level, bit))
    if (SHARED && bits == 0) return TORN
    bit = (bit << 6) | (63 - <usize>clz<u64>(bits))
  }
  return bit << GRANULE_SHIFT
}
