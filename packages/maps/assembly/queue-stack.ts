/** BPF_MAP_TYPE_QUEUE and STACK (kernel/bpf/queue_stack_maps.c): a ring of values. */
import { E2BIG, EBUSY, EINVAL, ENOENT, ENOMEM } from '../../registry/src/layout/errno'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_DATA,
  MAP_MAX_ENTRIES,
  MAP_PRIVATE,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { copyBytes, counted, free, lock, setShape, unlock, up8, takeElements } from './env'

/** Index of the oldest value, and behind it how many there are: one store changes both, wherever a worker ends. */
const OLDEST = MAP_PRIVATE
const COUNT = MAP_PRIVATE + 4

export function queue_init(map: u32): i32 {
  const stride = up8(load<u32>(map, MAP_VALUE_SIZE))
  const bytes = <u64>stride * load<u32>(map, MAP_MAX_ENTRIES)
  const data = takeElements(map, bytes, stride)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  return 0
}

export function queue_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
}

@inline
function at(map: usize, oldest: u32, index: u32): usize {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const place = <u64>oldest + index
  const wrapped = <u32>(place >= entries ? place - entries : place)
  return load<u32>(map, MAP_DATA) + wrapped * load<u32>(map, MAP_STRIDE)
}

/** From now on there are so many values, from that index on. */
@inline
function settle(map: usize, oldest: u32, count: u32): void {
  store<u64>(map, (<u64>count << 32) | oldest, OLDEST)
  store<u32>(map, count, MAP_COUNT)
}

/** The holder of the lock has ended in the middle of something. */
export function queue_repair(map: u32): i32 {
  store<u32>(map, load<u32>(map, COUNT), MAP_COUNT)
  return 0
}

/** BPF_EXIST lets go of the oldest value when the map is full. */
export function queue_push(map: u32, value: u32, flags: u64): i32 {
  if (flags & <u64>BPF_NOEXIST || flags > <u64>BPF_EXIST) return -EINVAL
  if (!lock(map)) return -EBUSY
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  let count = load<u32>(map, COUNT)
  let oldest = load<u32>(map, OLDEST)
  if (count == entries) {
    if (flags == 0) {
      unlock(map)
      return -E2BIG
    }
    oldest = oldest + 1 == entries ? 0 : oldest + 1
    count--
    // It goes before its place is written.
    settle(map, oldest, count)
  }
  copyBytes(at(map, oldest, count), value, load<u32>(map, MAP_VALUE_SIZE))
  settle(map, oldest, count + 1)
  unlock(map)
  return counted(map, 0)
}

@inline
function get(map: usize, value: usize, newest: bool, take: bool): i32 {
  const size = load<u32>(map, MAP_VALUE_SIZE)
  if (!lock(map)) return -EBUSY
  const count = load<u32>(map, COUNT)
  const oldest = load<u32>(map, OLDEST)
  if (count == 0) {
    memory.fill(value, 0, size)
    unlock(map)
    return -ENOENT
  }
  copyBytes(value, at(map, oldest, newest ? count - 1 : 0), size)
  if (take) {
    const next = oldest + 1 == load<u32>(map, MAP_MAX_ENTRIES) ? 0 : oldest + 1
    settle(map, newest ? oldest : next, count - 1)
  }
  unlock(map)
  return 0
}

export function queue_pop(map: u32, value: u32): i32 {
  return counted(map, get(map, value, false, true))
}

export function queue_peek(map: u32, value: u32): i32 {
  return get(map, value, false, false)
}

export function stack_pop(map: u32, value: u32): i32 {
  return counted(map, get(map, value, true, true))
}

export function stack_peek(map: u32, value: u32): i32 {
  return get(map, value, true, false)
}

export function queue_delete(map: u32, key: u32): i32 {
  return -EINVAL
}

export function queue_next_key(map: u32, key: u32, next: u32): i32 {
  return -EINVAL
}
