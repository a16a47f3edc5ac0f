/**
 * BPF_MAP_TYPE_HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH (kernel/bpf/hashtab.c): chained buckets, as many as
 * max_entries or twice as many, rounded up to a power of two. An element never moves. As in the kernel, an update of a
 * key that is there puts a new element in the old one's place (a pointer to the old value keeps its bytes), except for
 * per-CPU values.
 *
 * Functions come for keys of 4, 8 and 16 bytes (type parameter u32, u64, v128) and of any size (u8).
 */
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, ETIMEDOUT } from '../../registry/src/layout/errno'
import {
  BPF_EXIST,
  BPF_F_LOCK,
  BPF_F_NO_PREALLOC,
  BPF_F_ZERO_SEED,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_FLAGS,
  MAP_KEY_SIZE,
  MAP_MAX_ENTRIES,
  MAP_SHAPE,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import {
  alloc,
  badFlags,
  copyBytes,
  copyLocked,
  copyValue,
  counted,
  free,
  freeFields,
  initValue,
  LARGEST,
  lock,
  ownsFields,
  setShape,
  thisCpu,
  unlock,
  up8,
} from './env'
import { bucketOf, follow, freeElementFields, give, insert, isEnd, point, replace, retire, take } from './hash-elements'
import {
  advance,
  BUCKETS,
  FREED,
  hash16,
  hash4,
  hash8,
  hashAny,
  KEY,
  KIND,
  LRU,
  MASK,
  NEXT,
  PER_CPU,
  REFERENCED,
  sameAny,
  SECRET,
  SECRET_BASE,
  SEED,
  SLAB,
  SPARES,
  STATE,
  USED,
  VALUE,
  VALUE_SCALE,
  VALUE_SHAPE,
  VALUE_STRIDE,
  valueOf,
  VALUES,
} from './hash-layout'
import { makeNodes, pop, push } from './lru-list'

/** A line of the cache, and how far lines must be apart that processors do not fetch one with the other. */
const LINE: u32 = 64
const LINES: u32 = 256
/** In shared memory, maps of no more entries than these keep values apart. In larger ones workers seldom meet. */
const APART: u32 = 4096
/** Maps of no more entries than these have two buckets for each: four of five elements are the first of theirs. */
const ROOMY: u32 = 65536

function init(map: usize, kind: u32): i32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const cpus = load<u32>(map, MAP_CPUS)
  if (entries > 0x1000_0000) return -ENOMEM
  const prealloc = (load<u32>(map, MAP_FLAGS) & BPF_F_NO_PREALLOC) == 0
  const each: u32 = prealloc && entries <= ROOMY ? 2 : 1
  const buckets: u32 = entries <= 1 ? 1 : each << (32 - clz<u32>(entries - 1))
  const apart = SHARED && prealloc && entries <= APART
  const one = up8(load<u32>(map, MAP_VALUE_SIZE))
  const values = <u64>one * (kind & PER_CPU ? cpus : 1)
  let value: u32 = KEY + up8(load<u32>(map, MAP_KEY_SIZE))
  // The distance from a value to the next must be a multiple of that between elements.
  if (apart) value = value <= LINES ? <u32>1 << (32 - clz<u32>(value - 1)) : <u32>upTo(value, LINES)
  let room = values
  let size: u64 = value + values
  if (apart) {
    room = upTo(values, max<u32>(value, LINES))
    size = value
  } else if (SHARED) {
    size = upTo(size, LINE)
  }
  const count = <u64>entries + cpus
  const bytes = apart ? (size + room) * count : size * count
  if (value + room > 0x1000_0000 || (prealloc && bytes > LARGEST)) return -ENOMEM

  store<u32>(map, kind, KIND)
  store<u32>(map, buckets - 1, MASK)
  store<u32>(map, value, VALUE)
  store<u32>(map, 1, VALUE_SCALE)
  store<u32>(map, kind & PER_CPU ? one : 0, VALUE_STRIDE)
  store<u32>(map, <u32>size, MAP_STRIDE)
  shape(map + MAP_SHAPE, KEY, <u32>size)
  const data = alloc(buckets << 2, 64)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, data, BUCKETS)
  seed(map)
  if (!prealloc) return 0
  const slab = alloc(<u32>(size * count), 64)
  const spares = kind & LRU ? makeNodes(map) : alloc(cpus << 2, 16)
  const own = apart ? alloc(<u32>(room * count), LINES) : 0
  store<u32>(map, slab, SLAB)
  store<u32>(map, spares, SPARES)
  store<u32>(map, own, VALUES)
  if (slab == 0 || spares == 0 || (apart && own == 0)) {
    freeBlocks(map)
    return -ENOMEM
  }
  setShape(slab, <u32>map + MAP_SHAPE)
  setShape(spares, 1)
  if (apart) {
    const scale: u32 = <u32>room / value
    store<u32>(map, scale, VALUE_SCALE)
    store<u32>(map, own - slab * scale, VALUE)
    shape(map + VALUE_SHAPE, 0, <u32>room)
    setShape(own, <u32>map + VALUE_SHAPE)
  }
  if (kind & LRU) return 0
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const spare = slab + (entries + cpu) * <u32>size
    store<u32>(spares + (cpu << 2), spare)
  }
  return 0
}

@inline
function upTo(value: u64, unit: u64): u64 {
  return ((value + unit - 1) / unit) * unit
}

/** Programs see all of an element but what comes `first`. */
function shape(at: usize, first: u32, size: u32): void {
  store<u32>(at, first)
  store<u32>(at, size, 4)
  store<u32>(at, size - first, 8)
}

function freeBlocks(map: usize): void {
  for (let at: usize = map + SLAB; at <= map + VALUES; at += 4) {
    if (load<u32>(at) != 0) free(load<u32>(at))
  }
  free(load<u32>(map, MAP_DATA))
}

function seed(map: usize): void {
  let state = load<u32>(map, MAP_FLAGS) & BPF_F_ZERO_SEED ? 0 : load<u64>(map, SEED)
  for (let i: usize = 0; i < 4; i++) {
    state = advance(state)
    store<u64>(map + SECRET + (i << 3), state)
  }
  store<u64>(map, advance(advance(state)), SECRET_BASE)
}

export function hash_init(map: u32): i32 {
  return init(map, 0)
}

export function percpu_hash_init(map: u32): i32 {
  return init(map, PER_CPU)
}

export function lru_hash_init(map: u32): i32 {
  return init(map, LRU)
}

export function lru_percpu_hash_init(map: u32): i32 {
  return init(map, LRU | PER_CPU)
}

export function hash_free(map: u32): void {
  const data = load<u32>(map, MAP_DATA)
  const slab = load<u32>(map, SLAB)
  const owns = ownsFields(map)
  if (slab != 0) {
    if (owns) {
      const size = load<u32>(map, MAP_STRIDE)
      const count = load<u32>(map, MAP_MAX_ENTRIES) + load<u32>(map, MAP_CPUS)
      for (let n: u32 = 0; n < count; n++) freeElementFields(map, slab + n * size)
    }
  } else {
    let element = load<u32>(map, FREED)
    while (element != 0) {
      const next = load<u32>(element, STATE)
      if (owns) freeElementFields(map, element)
      free(element)
      element = next
    }
    const end = data + ((load<u32>(map, MASK) + 1) << 2)
    for (let bucket = data; bucket < end; bucket += 4) {
      element = load<u32>(bucket)
      while (!isEnd(element)) {
        const next = load<u32>(element, NEXT)
        if (owns) freeElementFields(map, element)
        free(element)
        element = next
      }
    }
  }
  freeBlocks(map)
}

@inline
function hashOf<K>(map: usize, key: usize): u32 {
  if (sizeof<K>() == 4) return hash4(map, key)
  if (sizeof<K>() == 8) return hash8(map, key)
  if (sizeof<K>() == 16) return hash16(map, key)
  return hashAny(map, key)
}

/** The link (a bucket or an element's NEXT) that points to the key's element, or 0. */
@inline
function findLink<K>(map: usize, bucket: usize, key: usize): usize {
  let link = bucket
  let element = load<u32>(link)
  while (!isEnd(element)) {
    if (same<K>(map, element + KEY, key)) return link
    link = element
    element = load<u32>(element, NEXT)
  }
  return 0
}

@inline
function same<K>(map: usize, at: usize, key: usize): bool {
  if (sizeof<K>() == 4) return load<u32>(at) == load<u32>(key)
  if (sizeof<K>() == 8) return load<u64>(at) == load<u64>(key)
  if (sizeof<K>() == 16) return load<u64>(at) == load<u64>(key) && load<u64>(at, 8) == load<u64>(key, 8)
  return sameAny(map, at, key)
}

/** The key's element, or 0. Takes no lock. */
@inline
function find<K>(map: usize, key: usize): u32 {
  const bucket = bucketOf(map, hashOf<K>(map, key))
  let element: u32
  do {
    element = follow(bucket)
    if (sizeof<K>() == 4) {
      const wanted = load<u32>(key)
      while (!isEnd(element)) {
        if (load<u32>(element, KEY) == wanted) return element
        element = follow(element)
      }
    } else if (sizeof<K>() == 8) {
      const wanted = load<u64>(key)
      while (!isEnd(element)) {
        if (load<u64>(element, KEY) == wanted) return element
        element = follow(element)
      }
    } else {
      while (!isEnd(element)) {
        if (same<K>(map, element + KEY, key)) return element
        element = follow(element)
      }
    }
  } while (SHARED && element != 0 && element != ((<u32>bucket - load<u32>(map, BUCKETS)) >> 1 | 1))
  return 0
}

/** An LRU's mark: looked up since the hand last passed. */
@inline
function touch(element: u32): void {
  if (load<u32>(element, STATE) != USED) return
  // Another worker may free the element now: its link must not be overwritten.
  if (SHARED) atomic.cmpxchg<u32>(element + STATE, USED, REFERENCED)
  else store<u32>(element, REFERENCED, STATE)
}

@inline
function valueAt<K>(map: usize, element: usize): u32 {
  return <u32>(sizeof<K>() == 1 || SHARED ? valueOf(map, element) : element + KEY + max<u32>(sizeof<K>(), 8))
}

@inline
function lookup<K>(map: u32, key: u32): u32 {
  const element = find<K>(map, key)
  return element == 0 ? 0 : valueAt<K>(map, element)
}

@inline
function lookupPerCpu<K>(map: u32, key: u32): u32 {
  const value = lookup<K>(map, key)
  return value == 0 ? 0 : value + thisCpu() * load<u32>(map, VALUE_STRIDE)
}

@inline
function lookupLru<K>(map: u32, key: u32): u32 {
  const element = find<K>(map, key)
  if (element == 0) return 0
  touch(element)
  return <u32>valueOf(map, element)
}

@inline
function lookupLruPerCpu<K>(map: u32, key: u32): u32 {
  const value = lookupLru<K>(map, key)
  return value == 0 ? 0 : value + thisCpu() * load<u32>(map, VALUE_STRIDE)
}

@inline
function putKey<K>(map: usize, at: usize, key: usize): void {
  // A short key's padding must be zero: `same` compares whole words.
  if (sizeof<K>() == 4) store<u64>(at, load<u32>(key))
  else if (sizeof<K>() == 8) store<u64>(at, load<u64>(key))
  else if (sizeof<K>() == 16) {
    store<u64>(at, load<u64>(key))
    store<u64>(at, load<u64>(key, 8), 8)
  } else {
    const size = load<u32>(map, MAP_KEY_SIZE)
    store<u64>(at + up8(size) - 8, 0)
    copyBytes(at, key, size)
  }
}

/** htab_lru_map_update_elem and its per-CPU kind: the new element comes first, and may evict the old one. */
function updateLru<K>(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST) return -EINVAL
  const perCpu = (load<u32>(map, KIND) & PER_CPU) != 0
  const bucket = bucketOf(map, hashOf<K>(map, key))
  if (!lock(map)) return -ETIMEDOUT
  const fresh: u32 = perCpu && flags == <u64>BPF_EXIST ? 0 : pop(map)
  let result = fresh == 0 && !(perCpu && flags == <u64>BPF_EXIST) ? -ENOMEM : 0
  if (result == 0) {
    let link = findLink<K>(map, bucket, key)
    if (link != 0 && flags == <u64>BPF_NOEXIST) result = -EEXIST
    else if (link == 0 && flags == <u64>BPF_EXIST) result = -ENOENT
    if (result != 0) {
      if (fresh != 0) push(map, fresh)
    } else if (link != 0 && perCpu) {
      const old = load<u32>(link)
      const own = valueOf(map, old) + thisCpu() * load<u32>(map, VALUE_STRIDE)
      store<u32>(old, REFERENCED, STATE)
      copyValue(map, own, value)
      freeFields(map, own)
      if (fresh != 0) push(map, fresh)
    } else {
      putKey<K>(map, fresh + KEY, key)
      fill(map, fresh, value)
      // The new one first, so that readers always find one of them.
      insert(map, bucket, fresh)
      if (link == 0) {
        store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
      } else {
        if (link == bucket) link = fresh
        const old = load<u32>(link)
        store<u32>(fresh, REFERENCED, STATE)
        point(link, load<u32>(old, NEXT))
        give(map, old)
      }
    }
  }
  unlock(map)
  return result
}

/** Writes the value of a new element; of a per-CPU one this CPU's, and zeros for the others. */
@inline
function fill(map: usize, element: u32, value: u32): void {
  let at = valueOf(map, element)
  if (load<u32>(map, KIND) & PER_CPU) {
    const stride = load<u32>(map, VALUE_STRIDE)
    if (ownsFields(map)) freeElementFields(map, element)
    memory.fill(at, 0, stride * load<u32>(map, MAP_CPUS))
    at += thisCpu() * stride
  }
  initValue(map, at, value)
}

@inline
function update<K>(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (badFlags(map, flags)) return -EINVAL
  const kind = load<u32>(map, KIND)
  if (kind & LRU) return updateLru<K>(map, key, value, flags)
  if (kind & PER_CPU && flags > <u64>BPF_EXIST) return -EINVAL
  const bucket = bucketOf(map, hashOf<K>(map, key))
  if (!lock(map)) return -ETIMEDOUT
  let link = findLink<K>(map, bucket, key)
  if (link != 0) {
    const old = load<u32>(link)
    if (flags & <u64>BPF_NOEXIST) {
      unlock(map)
      return -EEXIST
    }
    if (kind & PER_CPU) {
      const own = valueOf(map, old) + thisCpu() * load<u32>(map, VALUE_STRIDE)
      copyValue(map, own, value)
      freeFields(map, own)
      unlock(map)
      return 0
    }
    if (flags & <u64>BPF_F_LOCK) {
      const copied = copyLocked(map, valueOf(map, old), value)
      unlock(map)
      return copied ? 0 : -ETIMEDOUT
    }
    const element = replace(map, old)
    if (element == 1) {
      unlock(map)
      return -ENOMEM
    }
    putKey<K>(map, element + KEY, key)
    initValue(map, valueOf(map, element), value)
    // The new one first, so that readers always find one of them.
    insert(map, bucket, element)
    if (link == bucket) link = element
    point(link, load<u32>(old, NEXT))
    retire(map, old)
    unlock(map)
    return 0
  }
  if (flags & <u64>BPF_EXIST) {
    unlock(map)
    return -ENOENT
  }
  const element = take(map)
  if (element <= 1) {
    unlock(map)
    return element == 0 ? -E2BIG : -ENOMEM
  }
  putKey<K>(map, element + KEY, key)
  fill(map, element, value)
  insert(map, bucket, element)
  store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
  unlock(map)
  return 0
}

@inline
function remove<K>(map: u32, key: u32): i32 {
  const bucket = bucketOf(map, hashOf<K>(map, key))
  if (!lock(map)) return -ETIMEDOUT
  const link = findLink<K>(map, bucket, key)
  if (link == 0) {
    unlock(map)
    return -ENOENT
  }
  const element = load<u32>(link)
  point(link, load<u32>(element, NEXT))
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  give(map, element)
  unlock(map)
  return 0
}

export function hash_lookup(map: u32, key: u32): u32 {
  return lookup<u8>(map, key)
}
export function hash_lookup4(map: u32, key: u32): u32 {
  return lookup<u32>(map, key)
}
export function hash_lookup8(map: u32, key: u32): u32 {
  return lookup<u64>(map, key)
}
export function hash_lookup16(map: u32, key: u32): u32 {
  return lookup<v128>(map, key)
}
export function percpu_hash_lookup(map: u32, key: u32): u32 {
  return lookupPerCpu<u8>(map, key)
}
export function percpu_hash_lookup4(map: u32, key: u32): u32 {
  return lookupPerCpu<u32>(map, key)
}
export function percpu_hash_lookup8(map: u32, key: u32): u32 {
  return lookupPerCpu<u64>(map, key)
}
export function percpu_hash_lookup16(map: u32, key: u32): u32 {
  return lookupPerCpu<v128>(map, key)
}
export function lru_hash_lookup(map: u32, key: u32): u32 {
  return lookupLru<u8>(map, key)
}
export function lru_hash_lookup4(map: u32, key: u32): u32 {
  return lookupLru<u32>(map, key)
}
export function lru_hash_lookup8(map: u32, key: u32): u32 {
  return lookupLru<u64>(map, key)
}
export function lru_hash_lookup16(map: u32, key: u32): u32 {
  return lookupLru<v128>(map, key)
}
export function lru_percpu_hash_lookup(map: u32, key: u32): u32 {
  return lookupLruPerCpu<u8>(map, key)
}
export function lru_percpu_hash_lookup4(map: u32, key: u32): u32 {
  return lookupLruPerCpu<u32>(map, key)
}
export function lru_percpu_hash_lookup8(map: u32, key: u32): u32 {
  return lookupLruPerCpu<u64>(map, key)
}
export function lru_percpu_hash_lookup16(map: u32, key: u32): u32 {
  return lookupLruPerCpu<v128>(map, key)
}

export function hash_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, update<u8>(map, key, value, flags))
}
export function hash_update4(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, update<u32>(map, key, value, flags))
}
export function hash_update8(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, update<u64>(map, key, value, flags))
}
export function hash_update16(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, update<v128>(map, key, value, flags))
}

export function hash_delete(map: u32, key: u32): i32 {
  return counted(map, remove<u8>(map, key))
}
export function hash_delete4(map: u32, key: u32): i32 {
  return counted(map, remove<u32>(map, key))
}
export function hash_delete8(map: u32, key: u32): i32 {
  return counted(map, remove<u64>(map, key))
}
export function hash_delete16(map: u32, key: u32): i32 {
  return counted(map, remove<v128>(map, key))
}

/** One CPU's value of a key, for every type of per-CPU hash; leaves an LRU's mark alone. */
export function hash_lookup_percpu(map: u32, key: u32, cpu: u32): u32 {
  if (cpu >= load<u32>(map, MAP_CPUS)) return 0
  const element = find<u8>(map, key)
  return element == 0 ? 0 : <u32>valueOf(map, element) + cpu * load<u32>(map, VALUE_STRIDE)
}

/** Copies the value (of a per-CPU hash, every CPU's one after another) and deletes the element. */
export function hash_lookup_and_delete(map: u32, key: u32, out: u32): i32 {
  const bucket = bucketOf(map, hashAny(map, key))
  if (!lock(map)) return -ETIMEDOUT
  const link = findLink<u8>(map, bucket, key)
  if (link == 0) {
    unlock(map)
    return -ENOENT
  }
  const element = load<u32>(link)
  const value = valueOf(map, element)
  const stride = load<u32>(map, VALUE_STRIDE)
  copyBytes(out, value, stride != 0 ? stride * load<u32>(map, MAP_CPUS) : load<u32>(map, MAP_VALUE_SIZE))
  point(link, load<u32>(element, NEXT))
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  give(map, element)
  unlock(map)
  return 0
}

/** The key after another one in the order of the buckets; the first one when the other is not (or no longer) there. */
export function hash_next_key(map: u32, key: u32, next: u32): i32 {
  const data = load<u32>(map, MAP_DATA)
  const end = data + ((load<u32>(map, MASK) + 1) << 2)
  const size = load<u32>(map, MAP_KEY_SIZE)
  let bucket: usize = data
  if (!lock(map)) return -ETIMEDOUT
  const element = key == 0 ? 0 : find<u8>(map, key)
  if (element != 0) {
    const following = load<u32>(element, NEXT)
    if (!isEnd(following)) {
      copyBytes(next, following + KEY, size)
      unlock(map)
      return 0
    }
    bucket = bucketOf(map, hashAny(map, key)) + 4
  }
  for (; bucket < end; bucket += 4) {
    const first = load<u32>(bucket)
    if (!isEnd(first)) {
      copyBytes(next, first + KEY, size)
      unlock(map)
      return 0
    }
  }
  unlock(map)
  return -ENOENT
}
