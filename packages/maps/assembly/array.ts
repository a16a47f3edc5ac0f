/** BPF_MAP_TYPE_ARRAY (kernel/bpf/arraymap.c): values one after another, each at a multiple of 8 bytes. */
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, ETIMEDOUT } from '../../registry/src/layout/errno'
import {
  ARRAY_SUMS,
  ARRAY_SUMS_STRIDE,
  BPF_F_LOCK,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_FIELDS,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import {
  LARGEST,
  alloc,
  badFlags,
  copyBytes,
  copyLocked,
  copyValue,
  counted,
  free,
  freeFields,
  ownsFields,
  popKey,
  pushKey,
  setShape,
  shapeBlock,
  up8,
  visit,
} from './env'

/** Bytes of values up to which a batch adds up for itself: it looks at all of them when it ends. */
const SUMMED: u32 = 4096

export function array_init(map: u32): i32 {
  const stride = up8(load<u32>(map, MAP_VALUE_SIZE))
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const bytes = <u64>stride * entries
  if (bytes > LARGEST) return -ENOMEM
  const data = alloc(<u32>bytes, 64)
  if (data == 0) return -ENOMEM
  shapeBlock(map, data, 0, stride, load<u32>(map, MAP_VALUE_SIZE))
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, stride, MAP_STRIDE)
  store<u32>(map, entries, MAP_COUNT)
  if (SHARED && bytes <= SUMMED && load<u32>(map, MAP_FIELDS) == 0) {
    const each = (<u32>bytes + 127) & ~127
    const sums = alloc(each * load<u32>(map, MAP_CPUS), 128)
    // Without them everything is added to the values at once.
    if (sums == 0) return 0
    setShape(sums, 1)
    store<u32>(map, sums, ARRAY_SUMS)
    store<u32>(map, each, ARRAY_SUMS_STRIDE)
  }
  return 0
}

export function array_free(map: u32): void {
  if (ownsFields(map)) {
    const end = load<u32>(map, MAP_MAX_ENTRIES) * load<u32>(map, MAP_STRIDE)
    for (let at: u32 = 0; at < end; at += load<u32>(map, MAP_STRIDE)) freeFields(map, load<u32>(map, MAP_DATA) + at)
  }
  free(load<u32>(map, MAP_DATA))
  if (load<u32>(map, ARRAY_SUMS) != 0) free(load<u32>(map, ARRAY_SUMS))
}

export function array_lookup(map: u32, key: u32): u32 {
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  return load<u32>(map, MAP_DATA) + index * load<u32>(map, MAP_STRIDE)
}

export function array_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, arrayUpdateUncounted(map, key, value, flags))
}

@inline
function arrayUpdateUncounted(map: u32, key: u32, value: u32, flags: u64): i32 {
  // In the kernel's order: an index past the end comes before a lock that is not there.
  if ((flags & ~(<u64>BPF_F_LOCK)) > 2) return -EINVAL
  const to = array_lookup(map, key)
  if (to == 0) return -E2BIG
  if (flags & <u64>BPF_NOEXIST) return -EEXIST
  if (badFlags(map, flags)) return -EINVAL
  if (flags & <u64>BPF_F_LOCK) return copyLocked(map, to, value) ? 0 : -ETIMEDOUT
  copyValue(map, to, value)
  freeFields(map, to)
  return 0
}

export function array_delete(map: u32, key: u32): i32 {
  return -EINVAL
}

/** Every index in turn; a key past the end (or none) begins anew. */
export function array_next_key(map: u32, key: u32, next: u32): i32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const index: u32 = key != 0 ? load<u32>(key) : 0xffff_ffff
  if (index >= entries) {
    store<u32>(next, 0)
    return 0
  }
  if (index == entries - 1) return -ENOENT
  store<u32>(next, index + 1)
  return 0
}

export function array_batch(map: u32, cursor: u32, keys: u32, capacity: u32, next: u32): i32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const count = cursor < entries ? min(entries - cursor, capacity) : 0
  for (let i: u32 = 0; i < count; i++) store<u32>(keys + (i << 2), cursor + i)
  // A batch that is just full does not know that it was the last one, as in the kernel.
  store<u32>(next, cursor + count < entries || count == capacity ? cursor + count : 0)
  return count
}

/** Keys and values from index `cursor` on. */
export function array_elements(
  map: u32,
  cursor: u32,
  keys: u32,
  values: u32,
  capacity: u32,
  next: u32,
  remove: u32,
): i32 {
  const count = array_batch(map, cursor, keys, capacity, next)
  if (count == 0) return 0
  const stride = load<u32>(map, MAP_STRIDE)
  const size = load<u32>(map, MAP_VALUE_SIZE)
  const from = load<u32>(map, MAP_DATA) + cursor * stride
  if (size == stride) memory.copy(values, from, count * size)
  else for (let n = 0; n < count; n++) copyBytes(values + n * size, from + n * stride, size)
  return count
}

export function array_for_each(map: u32, callback: u32, context: u64, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const key = pushKey()
  let seen: u32 = 0
  while (seen < entries) {
    store<u32>(key, seen)
    const value = load<u32>(map, MAP_DATA) + seen * load<u32>(map, MAP_STRIDE)
    seen++
    if (visit(callback, map, key, value, context)) break
  }
  popKey(key)
  return seen
}
