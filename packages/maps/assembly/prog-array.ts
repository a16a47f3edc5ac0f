/** BPF_MAP_TYPE_PROG_ARRAY: u32 slots, each the address of a program's record or 0. Only the host writes it. */
import { E2BIG, EBADF, EINVAL, ENOENT, ENOMEM, ETIMEDOUT } from '../../registry/src/layout/errno'
import { MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES, MAP_PRIVATE, MAP_STRIDE } from '../../registry/src/layout/map'
import { PROG_TYPE } from '../../registry/src/layout/program'
import { alloc, free, lock, setShape, unlock } from './env'

/** The program type that the first program gave the map (bpf_prog_map_compatible), + 1; 0 before. */
const OWNER_TYPE = MAP_PRIVATE

export function prog_array_init(map: u32): i32 {
  const bytes = <u64>load<u32>(map, MAP_MAX_ENTRIES) << 2
  if (bytes > 0xf000_0000) return -ENOMEM
  const data = alloc(<u32>bytes, 64)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, 4, MAP_STRIDE)
  return 0
}

export function prog_array_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
}

/** The slot's address, or 0 for an empty one. */
export function prog_array_lookup_host(map: u32, key: u32): u32 {
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  const slot = load<u32>(map, MAP_DATA) + (index << 2)
  return load<u32>(slot) != 0 ? slot : 0
}

/** `value` points to the u32 address of the program's record. */
export function prog_array_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return -E2BIG
  const record = load<u32>(value)
  if (record == 0) return -EBADF
  const type = load<u32>(record, PROG_TYPE) + 1
  if (!lock(map)) return -ETIMEDOUT
  const owner = load<u32>(map, OWNER_TYPE)
  if (owner != 0 && owner != type) {
    unlock(map)
    return -EINVAL
  }
  store<u32>(map, type, OWNER_TYPE)
  const slot = load<u32>(map, MAP_DATA) + (index << 2)
  if (load<u32>(slot) == 0) store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
  store<u32>(slot, record)
  unlock(map)
  return 0
}

export function prog_array_delete(map: u32, key: u32): i32 {
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
