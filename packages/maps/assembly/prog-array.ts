/** BPF_MAP_TYPE_PROG_ARRAY: slots (slots.ts) of programs' records, all of one type. */
import { E2BIG, EBADF, EINVAL, ETIMEDOUT } from '../../registry/src/layout/errno'
import { MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES, MAP_PRIVATE } from '../../registry/src/layout/map'
import { PROG_TYPE } from '../../registry/src/layout/program'
import { lock, unlock } from './env'

/** The program type that the first program gave the map (bpf_prog_map_compatible), + 1; 0 before. */
const OWNER_TYPE = MAP_PRIVATE

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
