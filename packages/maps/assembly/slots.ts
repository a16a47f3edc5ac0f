/**
 * Arrays of references that only the host writes: u32 slots, each the address of an object in the arena or 0
 * (fd_array_map_* of kernel/bpf/arraymap.c).
 */
import { E2BIG, EBADF, EINVAL, ENOENT, ENOMEM, ETIMEDOUT } from '../../registry/src/layout/errno'
import { MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import { RING_DATA, RING_MAGIC, RING_MAGIC_VALUE, RING_MAP } from '../../registry/src/layout/ring'
import { free, lock, setShape, sizeOf, unlock, takeElements } from './env'
import { hash_lookup, hash_update } from './hash'

export function slots_init(map: u32): i32 {
  const bytes = <u64>load<u32>(map, MAP_MAX_ENTRIES) << 2
  const data = takeElements(map, bytes, 4)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  return 0
}

export function slots_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
}

/** The slot's address, or 0 for an empty one. */
export function slots_lookup_host(map: u32, key: u32): u32 {
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  const slot = load<u32>(map, MAP_DATA) + (index << 2)
  return load<u32>(slot) != 0 ? slot : 0
}

@inline
function put(map: u32, key: u32, object: u32, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return -E2BIG
  if (object == 0) return -EBADF
  const slot = load<u32>(map, MAP_DATA) + (index << 2)
  if (!lock(map)) return -ETIMEDOUT
  if (load<u32>(slot) == 0) store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
  store<u32>(slot, object)
  unlock(map)
  return 0
}

/** `value` points to the object's address; the host has checked that it is one. */
export function slots_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return put(map, key, load<u32>(value), flags)
}

/** `value` points to the address of a ring that was made for this map. */
export function perf_event_array_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  const ring = load<u32>(value)
  const known =
    sizeOf(ring) > <u32>RING_DATA && load<u32>(ring, RING_MAGIC) == RING_MAGIC_VALUE && load<u32>(ring, RING_MAP) == map
  return put(map, key, known ? ring : 0, flags)
}

export function slots_delete(map: u32, key: u32): i32 {
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return -E2BIG
  const slot = load<u32>(map, MAP_DATA) + (index << 2)
  if (!lock(map)) return -ETIMEDOUT
  if (load<u32>(slot) == 0) {
    unlock(map)
    return -ENOENT
  }
  store<u32>(slot, 0)
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  unlock(map)
  return 0
}

/** For programs: the inner map's header, or 0. */
export function array_of_maps_lookup(map: u32, key: u32): u32 {
  const slot = slots_lookup_host(map, key)
  return slot == 0 ? 0 : load<u32>(slot)
}

export function hash_of_maps_lookup(map: u32, key: u32): u32 {
  const value = hash_lookup(map, key)
  return value == 0 ? 0 : load<u32>(value)
}

/** As slots_update; here the value is looked at first. */
export function hash_of_maps_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return load<u32>(value) == 0 ? -EBADF : hash_update(map, key, value, flags)
}
