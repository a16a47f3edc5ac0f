/** BPF_MAP_TYPE_PERCPU_ARRAY: an array for each CPU, one behind another, so that no two CPUs write one cache line. */
import { E2BIG, EEXIST, EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import {
  BPF_EXIST,
  BPF_F_LOCK,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_MAX_ENTRIES,
  MAP_PRIVATE,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { array_batch } from './array'
import {
  copyBytes,
  copyValue,
  counted,
  free,
  freeFields,
  ownsFields,
  popKey,
  pushKey,
  takeElements,
  thisCpu,
  up8,
  visit,
} from './env'

/** Bytes from one CPU's array to the next. */
const AREA = MAP_PRIVATE

export function percpu_array_init(map: u32): i32 {
  const stride = up8(load<u32>(map, MAP_VALUE_SIZE))
  const area = (<u64>stride * load<u32>(map, MAP_MAX_ENTRIES) + 63) & ~63
  const bytes = area * load<u32>(map, MAP_CPUS)
  if (takeElements(map, bytes, stride) == 0) return -ENOMEM
  store<u32>(map, <u32>area, AREA)
  store<u32>(map, load<u32>(map, MAP_MAX_ENTRIES), MAP_COUNT)
  return 0
}

export function percpu_array_lookup_percpu(map: u32, key: u32, cpu: u32): u32 {
  const index = load<u32>(key)
  if (index >= load<u32>(map, MAP_MAX_ENTRIES) || cpu >= load<u32>(map, MAP_CPUS)) return 0
  return load<u32>(map, MAP_DATA) + cpu * load<u32>(map, AREA) + index * load<u32>(map, MAP_STRIDE)
}

export function percpu_array_lookup(map: u32, key: u32): u32 {
  return percpu_array_lookup_percpu(map, key, thisCpu())
}

/** Writes this CPU's value only. */
export function percpu_array_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, percpuArrayUpdateUncounted(map, key, value, flags))
}

@inline
function percpuArrayUpdateUncounted(map: u32, key: u32, value: u32, flags: u64): i32 {
  // In the kernel's order: a lock, which no such value has, comes last.
  if ((flags & ~(<u64>BPF_F_LOCK)) > <u64>BPF_EXIST) return -EINVAL
  const to = percpu_array_lookup(map, key)
  if (to == 0) return -E2BIG
  if (flags & <u64>BPF_NOEXIST) return -EEXIST
  if (flags & <u64>BPF_F_LOCK) return -EINVAL
  copyValue(map, to, value)
  freeFields(map, to)
  return 0
}

export function percpu_array_free(map: u32): void {
  const data = load<u32>(map, MAP_DATA)
  if (ownsFields(map)) {
    const end = data + load<u32>(map, AREA) * load<u32>(map, MAP_CPUS)
    const values = load<u32>(map, MAP_MAX_ENTRIES) * load<u32>(map, MAP_STRIDE)
    for (let area = data; area < end; area += load<u32>(map, AREA)) {
      for (let at: u32 = 0; at < values; at += load<u32>(map, MAP_STRIDE)) freeFields(map, area + at)
    }
  }
  free(data)
}

/** Keys and the values of every CPU from index `cursor` on. */
export function percpu_array_elements(
  map: u32,
  cursor: u32,
  keys: u32,
  values: u32,
  capacity: u32,
  next: u32,
  remove: u32,
): i32 {
  const count = array_batch(map, cursor, keys, capacity, next)
  const stride = load<u32>(map, MAP_STRIDE)
  const area = load<u32>(map, AREA)
  const cpus = load<u32>(map, MAP_CPUS)
  let from = load<u32>(map, MAP_DATA) + cursor * stride
  for (let n = 0; n < count; n++) {
    for (let cpu: u32 = 0; cpu < cpus; cpu++) {
      copyBytes(values, from + cpu * area, stride)
      values += stride
    }
    from += stride
  }
  return count
}

export function percpu_array_for_each(map: u32, callback: u32, context: u64, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const key = pushKey()
  let seen: u32 = 0
  while (seen < entries) {
    store<u32>(key, seen)
    const value = percpu_array_lookup(map, key)
    seen++
    if (visit(callback, map, key, value, context)) break
  }
  popKey(key)
  return seen
}
