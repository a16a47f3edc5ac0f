/**
 * Local storage (kernel/bpf/bpf_local_storage.c): a value for each owner, an object of the host that programs hold
 * by its address. It is a hash by that address whose elements come as they are needed.
 */
import { EBADF, ENOMEM, ENOTSUPP } from '../../registry/src/layout/errno'
import { MAP_MAX_ENTRIES, MAP_VALUE_SIZE } from '../../registry/src/layout/map'
import { SOCK_PREAMBLE } from '../../registry/src/layout/sock'
import { STORAGE_ZEROS } from '../../registry/src/layout/storage'
import { alloc, free, setShape, sizeOf } from './env'
import { hash_delete4, hash_free, hash_init, hash_lookup4, hash_update4 } from './hash'

/** How many elements the buckets are laid out for; there may be more. */
const EXPECTED: u32 = 256

export function storage_init(map: u32): i32 {
  const zeros = alloc(load<u32>(map, MAP_VALUE_SIZE), 8)
  if (zeros == 0) return -ENOMEM
  setShape(zeros, 1)
  store<u32>(map, EXPECTED, MAP_MAX_ENTRIES)
  const result = hash_init(map)
  if (result < 0) {
    free(zeros)
    return result
  }
  store<u32>(map, 0xffff_ffff, MAP_MAX_ENTRIES)
  store<u32>(map, zeros, STORAGE_ZEROS)
  return 0
}

export function storage_free(map: u32): void {
  free(load<u32>(map, STORAGE_ZEROS))
  hash_free(map)
}

/** A block of its own, or a socket's. */
@inline
function isOwner(address: u32): bool {
  return sizeOf(address) != 0 || (address > <u32>SOCK_PREAMBLE && sizeOf(address - <u32>SOCK_PREAMBLE) != 0)
}

/** For the host: -EBADF in place of an address where there is no owner. */
export function storage_lookup_host(map: u32, key: u32): u32 {
  return isOwner(load<u32>(key)) ? hash_lookup4(map, key) : -EBADF
}

export function storage_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return isOwner(load<u32>(key)) ? hash_update4(map, key, value, flags) : -EBADF
}

export function storage_delete(map: u32, key: u32): i32 {
  return isOwner(load<u32>(key)) ? hash_delete4(map, key) : -EBADF
}

export function storage_next_key(map: u32, key: u32, out: u32): i32 {
  return -ENOTSUPP
}

/** The owner whose address is at `key` is gone. */
export function storage_release(map: u32, key: u32): i32 {
  return hash_delete4(map, key)
}
