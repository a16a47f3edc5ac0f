/**
 * Where a hash map's elements come from and go to: a slab of max_entries elements, or with BPF_F_NO_PREALLOC the arena.
 * A freed element keeps its value until it is used again, and is used again first, as in the kernel's free lists.
 * Those of an LRU are in lists of their own (lru-list.ts).
 */
import {
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_MAX_ENTRIES,
  MAP_SHAPE,
  MAP_STRIDE,
} from '../../registry/src/layout/map'
import { alloc, free, freeFields, ownsFields, setShape, thisCpu } from './env'
import {
  BUCKETS,
  FREED,
  FREED_COUNT,
  hashAny,
  KEY,
  KIND,
  LRU,
  MASK,
  NEXT,
  SLAB,
  SPARES,
  STATE,
  TAKEN,
  VALUE_STRIDE,
  valueOf,
} from './hash-layout'
import { push } from './lru-list'

/** Freed elements that BPF_F_NO_PREALLOC keeps for reuse when the map is quiet. */
const KEPT: u32 = 256

/**
 * A bucket's end. With threads it names the bucket, so that a reader that strayed into another one (its element was
 * freed and used again) finds out and starts anew; 0 is the end of any.
 */
@inline
export function isEnd(element: u32): bool {
  return SHARED ? element == 0 || (element & 1) != 0 : element == 0
}

@inline
export function bucketOf(map: usize, hash: u32): usize {
  return load<u32>(map, BUCKETS) + ((hash & load<u32>(map, MASK)) << 2)
}

@inline
export function follow(link: usize): u32 {
  return SHARED ? atomic.load<u32>(link) : load<u32>(link)
}

@inline
export function point(link: usize, to: u32): void {
  if (SHARED) atomic.store<u32>(link, to)
  else store<u32>(link, to)
}

/** Makes an element the first of its bucket. */
@inline
export function insert(map: usize, bucket: usize, element: u32): void {
  let first = load<u32>(bucket)
  if (SHARED && first == 0) first = ((<u32>bucket - load<u32>(map, MAP_DATA)) >> 1) | 1
  store<u32>(element, first, NEXT)
  point(bucket, element)
}

/** An element for a new key, or 0 when the map is full. */
export function take(map: usize): u32 {
  const freed = load<u32>(map, FREED)
  const slab = load<u32>(map, SLAB)
  if (slab == 0) {
    if (load<u32>(map, MAP_COUNT) >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
    return fromArena(map)
  }
  if (freed != 0) {
    store<u32>(map, load<u32>(freed, STATE), FREED)
    return freed
  }
  const taken = load<u32>(map, TAKEN)
  if (taken >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  store<u32>(map, taken + 1, TAKEN)
  return slab + taken * load<u32>(map, MAP_STRIDE)
}

/** From the arena or from what was freed; 1 when there is no memory. */
function fromArena(map: usize): u32 {
  const freed = load<u32>(map, FREED)
  if (freed != 0) {
    store<u32>(map, load<u32>(freed, STATE), FREED)
    store<u32>(map, load<u32>(map, FREED_COUNT) - 1, FREED_COUNT)
    return freed
  }
  const element = alloc(load<u32>(map, MAP_STRIDE), SHARED ? 64 : 16)
  if (element == 0) return 1
  setShape(element, <u32>map + MAP_SHAPE)
  return element
}

/** An element to replace one of the same key with: this CPU's spare, which `old` becomes. 1 when there is no memory. */
@inline
export function replace(map: usize, old: u32): u32 {
  if (load<u32>(map, SLAB) == 0) return fromArena(map)
  const spare = load<u32>(map, SPARES) + (thisCpu() << 2)
  const element = load<u32>(spare)
  store<u32>(spare, old)
  return element
}

/** Gives back what the special fields of an element's values hold on to. */
export function freeElementFields(map: usize, element: u32): void {
  const value = valueOf(map, element)
  const stride = load<u32>(map, VALUE_STRIDE)
  if (stride == 0) {
    freeFields(map, value)
    return
  }
  for (let cpu: u32 = 0; cpu < load<u32>(map, MAP_CPUS); cpu++) freeFields(map, value + cpu * stride)
}

/** Takes a replaced element back. */
@inline
export function retire(map: usize, old: u32): void {
  if (load<u32>(map, SLAB) == 0) {
    give(map, old)
    return
  }
  if (ownsFields(map)) freeElementFields(map, old)
}

/** Takes back an element that is in no bucket. */
export function give(map: usize, element: u32): void {
  if (ownsFields(map)) freeElementFields(map, element)
  if (load<u32>(map, KIND) & LRU) {
    push(map, element)
    return
  }
  store<u32>(element, load<u32>(map, FREED), STATE)
  store<u32>(map, element, FREED)
  if (load<u32>(map, SLAB) == 0) store<u32>(map, load<u32>(map, FREED_COUNT) + 1, FREED_COUNT)
}

/** Takes an element out of its bucket; false when it is not there. */
export function unlink(map: usize, element: u32): bool {
  let link = bucketOf(map, hashAny(map, element + KEY))
  let at = load<u32>(link)
  while (!isEnd(at)) {
    if (at == element) {
      point(link, load<u32>(element, NEXT))
      return true
    }
    link = at
    at = load<u32>(at, NEXT)
  }
  return false
}

/** Gives freed elements back to the arena; only when no program runs: one may hold pointers to their values. */
export function hash_quiesce(map: u32): i32 {
  // With threads nobody knows that: what was freed waits for reuse.
  if (SHARED || load<u32>(map, SLAB) != 0) return 0
  while (load<u32>(map, FREED_COUNT) > KEPT) {
    const element = load<u32>(map, FREED)
    store<u32>(map, load<u32>(element, STATE), FREED)
    store<u32>(map, load<u32>(map, FREED_COUNT) - 1, FREED_COUNT)
    if (ownsFields(map)) freeElementFields(map, element)
    free(element)
  }
  return 0
}
