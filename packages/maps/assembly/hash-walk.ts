/**
 * Walks over a hash map's buckets. The elements of buckets in a row lie anywhere, and one after another each would be
 * waited for: those of the buckets ahead are touched together, so that their memory comes at the same time.
 */
import { EINVAL, ENOSPC, ETIMEDOUT } from '../../registry/src/layout/errno'
import {
  MAP_CHANGES,
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_KEY_SIZE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { copyBytes, lock, thisCpu, unlock, visit } from './env'
import { follow, give, isEnd, point } from './hash-elements'
import { KEY, MASK, NEXT, VALUE, VALUE_STRIDE, valueOf } from './hash-layout'

/**
 * Buckets that are touched together, of maps with so many that their elements are not in a cache anyway. Values lie in
 * their elements there (APART of hash.ts).
 */
const AHEAD: usize = 32
const MANY: u32 = 1 << 14

/** Where touching begins: never, in a small map. */
@inline
function firstTouched(map: usize, bucket: usize): usize {
  return load<u32>(map, MASK) < MANY ? 0xffff_ffff : bucket
}

/** Loads from the first two elements of each bucket. Branches would be guessed wrong, and hold the loads up. */
@inline
function touch(map: usize, bucket: usize, end: usize, value: usize): void {
  const last = min(bucket + (AHEAD << 2), end)
  for (; bucket < last; bucket += 4) {
    const first = load<u32>(bucket)
    const any = !isEnd(first)
    const at = select<u32>(first, <u32>map, any)
    const second = load<u32>(at, NEXT)
    load<u32>(at + value)
    load<u32>(select<u32>(second, <u32>map, <i32>any & <i32>!isEnd(second)))
  }
}

/** The bucket behind an empty one, and behind any eight empty ones in a row: most are where elements are few. */
@inline
function passEmpty(bucket: usize, end: usize): usize {
  bucket += 4
  while (
    bucket + 32 <= end &&
    (load<u64>(bucket) | load<u64>(bucket, 8) | load<u64>(bucket, 16) | load<u64>(bucket, 24)) == 0
  )
    bucket += 32
  return bucket
}

@inline
function copyElement(map: usize, element: usize, key: usize, value: usize, bytes: usize): void {
  const size = load<u32>(map, MAP_KEY_SIZE)
  if (size == 4) store<u32>(key, load<u32>(element, KEY))
  else copyBytes(key, element + KEY, size)
  if (bytes == 8) store<u64>(value, load<u64>(valueOf(map, element)))
  else if (bytes != 0) copyBytes(value, valueOf(map, element), bytes)
}

/** Takes all elements out of a bucket. */
function clear(map: usize, bucket: usize, count: u32): void {
  let element = load<u32>(bucket)
  let last: u32 = 0
  for (let at = element; !isEnd(at); at = load<u32>(at, NEXT)) last = at
  point(bucket, load<u32>(last, NEXT))
  while (count-- > 0) {
    const next = load<u32>(element, NEXT)
    give(map, element)
    store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
    if (SHARED) atomic.add<u32>(map + MAP_CHANGES, 1)
    else store<u32>(map, load<u32>(map, MAP_CHANGES) + 1, MAP_CHANGES)
    element = next
  }
}

/**
 * Whole buckets from number `cursor` on, as many as fit into `capacity`; -ENOSPC when the first has more elements.
 * Values go to `values` unless that is 0; with `remove`, the elements are deleted in the same step.
 */
export function hash_elements(
  map: u32,
  cursor: u32,
  keys: u32,
  values: u32,
  capacity: u32,
  next: u32,
  remove: u32,
): i32 {
  if (cursor > load<u32>(map, MASK)) {
    store<u32>(next, 0)
    return 0
  }
  const data = load<u32>(map, MAP_DATA)
  const end = data + ((load<u32>(map, MASK) + 1) << 2)
  const size = load<u32>(map, MAP_KEY_SIZE)
  const stride = load<u32>(map, VALUE_STRIDE)
  const whole = stride != 0 ? stride * load<u32>(map, MAP_CPUS) : load<u32>(map, MAP_VALUE_SIZE)
  const bytes = values == 0 ? 0 : whole
  let count: u32 = 0
  let bucket: usize = data + (cursor << 2)
  let touched = firstTouched(map, bucket)
  if (!lock(map)) return -ETIMEDOUT
  while (bucket < end) {
    if (bucket >= touched) {
      touch(map, bucket, end, load<u32>(map, VALUE))
      touched = bucket + (AHEAD << 2)
    }
    let element = load<u32>(bucket)
    if (element == 0) {
      bucket = passEmpty(bucket, end)
      continue
    }
    let here: u32 = 0
    while (!isEnd(element) && count + here < capacity) {
      copyElement(map, element, keys + here * size, values + here * bytes, bytes)
      element = load<u32>(element, NEXT)
      here++
    }
    // The bucket does not fit: what was copied of it does not count.
    if (!isEnd(element)) break
    keys += here * size
    values += here * bytes
    count += here
    if (remove != 0 && here != 0) clear(map, bucket, here)
    bucket += 4
  }
  unlock(map)
  store<u32>(next, bucket < end ? <u32>(bucket - data) >> 2 : 0)
  return count == 0 && bucket < end ? -ENOSPC : count
}

/** The keys of `hash_elements`. */
export function hash_batch(map: u32, cursor: u32, keys: u32, capacity: u32, next: u32): i32 {
  return hash_elements(map, cursor, keys, 0, capacity, next, 0)
}

export function hash_for_each(map: u32, callback: u32, context: u64, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const data = load<u32>(map, MAP_DATA)
  const end = data + ((load<u32>(map, MASK) + 1) << 2)
  const own = thisCpu() * load<u32>(map, VALUE_STRIDE)
  let seen: i32 = 0
  let touched = firstTouched(map, data)
  let bucket: usize = data
  while (bucket < end) {
    if (bucket >= touched) {
      touch(map, bucket, end, load<u32>(map, VALUE) + own)
      touched = bucket + (AHEAD << 2)
    }
    let element = follow(bucket)
    if (element == 0) {
      bucket = passEmpty(bucket, end)
      continue
    }
    while (!isEnd(element)) {
      // The callback may delete this element.
      const next = follow(element)
      seen++
      if (visit(callback, map, element + KEY, valueOf(map, element) + own, context)) return seen
      element = next
    }
    bucket += 4
  }
  return seen
}
