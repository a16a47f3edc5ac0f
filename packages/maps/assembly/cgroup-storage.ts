/**
 * BPF_MAP_TYPE_CGROUP_STORAGE and its per-CPU kind (kernel/bpf/local_storage.c): a value for an attachment. All
 * attachments of a map's programs are one here: the key is zeros, and its value comes to be when a program first
 * asks for it.
 */
import { EINVAL, ENOENT, ENOMEM } from '../../registry/src/layout/errno'
import { BPF_EXIST, BPF_F_LOCK, MAP_KEY_SIZE, MAP_MAX_ENTRIES, MAP_VALUE_SIZE } from '../../registry/src/layout/map'
import { STORAGE_ZEROS } from '../../registry/src/layout/storage'
import { alloc, badFlags, free, setShape, up8 } from './env'
import {
  hash_free,
  hash_init,
  hash_lookup,
  hash_next_key,
  hash_update,
  percpu_hash_init,
  percpu_hash_lookup,
} from './hash'

function begin(map: u32, result: i32): i32 {
  if (result < 0) return result
  const zeros = alloc(up8(max<u32>(load<u32>(map, MAP_KEY_SIZE), load<u32>(map, MAP_VALUE_SIZE))), 8)
  if (zeros == 0) {
    hash_free(map)
    return -ENOMEM
  }
  setShape(zeros, 1)
  store<u32>(map, zeros, STORAGE_ZEROS)
  return 0
}

export function cgroup_storage_init(map: u32): i32 {
  store<u32>(map, 1, MAP_MAX_ENTRIES)
  return begin(map, hash_init(map))
}

export function percpu_cgroup_storage_init(map: u32): i32 {
  store<u32>(map, 1, MAP_MAX_ENTRIES)
  return begin(map, percpu_hash_init(map))
}

export function cgroup_storage_free(map: u32): void {
  free(load<u32>(map, STORAGE_ZEROS))
  hash_free(map)
}

/** For programs: the value of the attachment, whatever the key. */
export function cgroup_storage_get(map: u32, key: u32): u32 {
  const zeros = load<u32>(map, STORAGE_ZEROS)
  if (hash_lookup(map, zeros) == 0) hash_update(map, zeros, zeros, 0)
  return hash_lookup(map, zeros)
}

/** The same of this CPU. */
export function percpu_cgroup_storage_get(map: u32, key: u32): u32 {
  const zeros = load<u32>(map, STORAGE_ZEROS)
  if (percpu_hash_lookup(map, zeros) == 0) hash_update(map, zeros, zeros, 0)
  return percpu_hash_lookup(map, zeros)
}

/** The host changes what is there. */
export function cgroup_storage_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if ((flags & ~(<u64>(BPF_F_LOCK | BPF_EXIST))) != 0 || badFlags(map, flags)) return -EINVAL
  return hash_lookup(map, key) == 0 ? -ENOENT : hash_update(map, key, value, flags)
}

export function percpu_cgroup_storage_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags != 0 && flags != <u64>BPF_EXIST) return -EINVAL
  return hash_lookup(map, key) == 0 ? -ENOENT : hash_update(map, key, value, flags)
}

export function cgroup_storage_delete(map: u32, key: u32): i32 {
  return -EINVAL
}

/** There is one key at most. */
export function cgroup_storage_next_key(map: u32, key: u32, out: u32): i32 {
  return key == 0 ? hash_next_key(map, 0, out) : -ENOENT
}
