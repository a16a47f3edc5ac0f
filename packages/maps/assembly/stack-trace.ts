/**
 * BPF_MAP_TYPE_STACK_TRACE (kernel/bpf/stackmap.c): stacks by the hash of their frames; bpf_get_stackid writes them.
 */
import { E2BIG, EINVAL, ENOENT, ENOMEM } from '../../registry/src/layout/errno'
import { MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES, MAP_STRIDE, MAP_VALUE_SIZE } from '../../registry/src/layout/map'
import { STACK_BUCKETS, STACK_FRAMES, STACK_VALUE } from '../../registry/src/layout/stack'
import { copyBytes, free, lock, setShape, unlock, up8, takeElements } from './env'

export function stack_trace_init(map: u32): i32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  if (entries > 0x1000_0000) return -ENOMEM
  const buckets: u32 = entries <= 1 ? 1 : <u32>1 << (32 - clz<u32>(entries - 1))
  const stride = STACK_VALUE + up8(load<u32>(map, MAP_VALUE_SIZE))
  const bytes = <u64>buckets * stride
  const data = takeElements(map, bytes, stride)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  store<u32>(map, buckets, STACK_BUCKETS)
  return 0
}

export function stack_trace_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
}

/** The bucket of an id where it holds a stack, or 0. */
@inline
function held(map: u32, id: u32): u32 {
  if (id >= load<u32>(map, STACK_BUCKETS)) return 0
  const bucket = load<u32>(map, MAP_DATA) + id * load<u32>(map, MAP_STRIDE)
  return load<u32>(bucket, STACK_FRAMES) == 0 ? 0 : bucket
}

export function stack_trace_lookup(map: u32, key: u32): u32 {
  const bucket = held(map, load<u32>(key))
  return bucket == 0 ? 0 : bucket + STACK_VALUE
}

export function stack_trace_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return -EINVAL
}

@inline
function drop(map: u32, bucket: u32): void {
  store<u32>(bucket, 0, STACK_FRAMES)
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
}

export function stack_trace_delete(map: u32, key: u32): i32 {
  const id = load<u32>(key)
  if (id >= load<u32>(map, STACK_BUCKETS)) return -E2BIG
  if (!lock(map)) return -ENOENT
  const bucket = held(map, id)
  if (bucket != 0) drop(map, bucket)
  unlock(map)
  return bucket == 0 ? -ENOENT : 0
}

export function stack_trace_lookup_and_delete(map: u32, key: u32, out: u32): i32 {
  if (!lock(map)) return -ENOENT
  const bucket = held(map, load<u32>(key))
  if (bucket != 0) {
    copyBytes(out, bucket + STACK_VALUE, load<u32>(map, MAP_VALUE_SIZE))
    drop(map, bucket)
  }
  unlock(map)
  return bucket == 0 ? -ENOENT : 0
}

/** Ids that hold a stack, upwards; after one that holds none, the first. */
export function stack_trace_next_key(map: u32, key: u32, out: u32): i32 {
  const buckets = load<u32>(map, STACK_BUCKETS)
  let id: u32 = key != 0 && held(map, load<u32>(key)) != 0 ? load<u32>(key) + 1 : 0
  while (id < buckets && held(map, id) == 0) id++
  if (id >= buckets) return -ENOENT
  store<u32>(out, id)
  return 0
}
