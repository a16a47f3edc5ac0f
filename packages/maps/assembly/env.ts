/** What every map type uses: the allocator, this CPU, the lock, and copies that respect special fields. */
import { CTL_CPU, CTL_FAULT, CTL_OWNER, CTL_SP } from '../../registry/src/layout/control'
import {
  FIELD_BYTES,
  FIELD_OFFSET,
  FIELD_SIZE,
  RECORD_COUNT,
  RECORD_FIELDS,
} from '../../registry/src/layout/fields'
import {
  BPF_EXIST,
  BPF_F_LOCK,
  MAP_CHANGES,
  MAP_DATA,
  MAP_FIELDS,
  MAP_FREE_FIELDS,
  MAP_LOCK,
  MAP_SHAPE,
  MAP_SPIN_LOCK,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'

// @ts-ignore: decorator
@external("memory", "alloc")
export declare function alloc(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "free")
export declare function free(address: u32): i32

// @ts-ignore: decorator
@external("memory", "sizeOf")
export declare function sizeOf(address: u32): u32

// @ts-ignore: decorator
@external("memory", "setShape")
export declare function setShape(address: u32, shape: u32): i32

/** Bytes that arena offsets allow; what needs more is ENOMEM. */
export const LARGEST: u64 = 0xf000_0000

/** Room for a map's elements, which stand `stride` bytes from each other; 0 where there is none. */
export function takeElements(map: u32, bytes: u64, stride: u32): u32 {
  const data = bytes > LARGEST ? 0 : alloc(<u32>bytes, 64)
  if (data != 0) {
    store<u32>(map, data, MAP_DATA)
    store<u32>(map, stride, MAP_STRIDE)
  }
  return data
}

// @ts-ignore: decorator
@external("memory", "wait")
declare function wait(word: u32): u32

// @ts-ignore: decorator
@external("env", "control")
export declare const control: i32

/** The result of an operation that changes the map when it is 0: then it counts. */
@inline
export function counted(map: usize, result: i32): i32 {
  if (result == 0) {
    if (SHARED) atomic.add<u32>(map + MAP_CHANGES, 1)
    else store<u32>(map, load<u32>(map, MAP_CHANGES) + 1, MAP_CHANGES)
  }
  return result
}

@inline
export function up8(value: u32): u32 {
  return (value + 7) & ~7
}

@inline
export function thisCpu(): u32 {
  return load<u32>(control, CTL_CPU)
}

/** Takes a lock that names its holder (@skep/memory's assembly/lock.ts); false when that one does not let go. */
@inline
function take(word: usize): bool {
  const owner = load<u32>(control, CTL_OWNER) | 0x8000_0000
  while (atomic.cmpxchg<u32>(word, 0, owner) != 0) {
    if (wait(<u32>word) != 0) return false
  }
  return true
}

/**
 * The map's lock, for types that change links; nothing in the unshared build. False, where the kernel's rqspinlock
 * gives -ETIMEDOUT, when the worker that has it is gone or does not let go.
 */
@inline
export function lock(map: usize): bool {
  return SHARED ? take(map + MAP_LOCK) : true
}

@inline
export function unlock(map: usize): void {
  if (SHARED) atomic.store<u32>(map + MAP_LOCK, 0)
}

/** Makes programs see only the values in a block: `size` bytes from `first` on in every `stride`. */
export function shapeBlock(map: usize, block: u32, first: u32, stride: u32, size: u32): void {
  store<u32>(map + MAP_SHAPE, first)
  store<u32>(map + MAP_SHAPE, stride, 4)
  store<u32>(map + MAP_SHAPE, size, 8)
  setShape(block, <u32>map + MAP_SHAPE)
}

/** Copies a few bytes without a call out of wasm, many with memory.copy. */
export function copyBytes(to: usize, from: usize, size: usize): void {
  if (size > 128) {
    memory.copy(to, from, size)
    return
  }
  while (size >= 8) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
    size -= 8
  }
  if (size & 4) {
    store<u32>(to, load<u32>(from))
    to += 4
    from += 4
  }
  if (size & 2) {
    store<u16>(to, load<u16>(from))
    to += 2
    from += 2
  }
  if (size & 1) store<u8>(to, load<u8>(from))
}

/** Copies a value, all but its special fields (copy_map_value). */
@inline
export function copyValue(map: usize, to: usize, from: usize): void {
  if (load<u32>(map, MAP_FIELDS) == 0) copyBytes(to, from, load<u32>(map, MAP_VALUE_SIZE))
  else copyAround(map, to, from)
}

function copyAround(map: usize, to: usize, from: usize): void {
  const record: usize = load<u32>(map, MAP_FIELDS)
  let left = load<u32>(record, RECORD_COUNT)
  let field = record + RECORD_FIELDS
  let at: usize = 0
  while (left > 0) {
    const offset: usize = load<u32>(field, FIELD_OFFSET)
    copyBytes(to + at, from + at, offset - at)
    at = offset + load<u32>(field, FIELD_BYTES)
    field += FIELD_SIZE
    left--
  }
  copyBytes(to + at, from + at, load<u32>(map, MAP_VALUE_SIZE) - at)
}

/** Gives back what a value's special fields hold on to (bpf_obj_free_fields); they are zero afterwards. */
@inline
export function freeFields(map: usize, value: usize): void {
  const slot = load<u32>(map, MAP_FREE_FIELDS)
  if (slot != 0) call_indirect<i32>(slot, <u32>map, <u32>value)
}

/** Whether values hold on to anything. */
@inline
export function ownsFields(map: usize): bool {
  return load<u32>(map, MAP_FREE_FIELDS) != 0
}

/** Copies a value into an element that begins now: its special fields are zero. */
@inline
export function initValue(map: usize, to: usize, from: usize): void {
  if (load<u32>(map, MAP_FIELDS) != 0) {
    // A program that held on to the deleted element may have filled them again.
    freeFields(map, to)
    memory.fill(to, 0, load<u32>(map, MAP_VALUE_SIZE))
  }
  copyValue(map, to, from)
}

/** copy_map_value_locked: under the bpf_spin_lock of the value that is written. False as of `lock`. */
export function copyLocked(map: usize, to: usize, from: usize): bool {
  const word = to + load<u32>(map, MAP_SPIN_LOCK) - 1
  if (SHARED && !take(word)) return false
  copyValue(map, to, from)
  if (SHARED) atomic.store<u32>(word, 0)
  return true
}

/** Flags of an update: unknown ones, or BPF_F_LOCK on a value without a lock. */
@inline
export function badFlags(map: usize, flags: u64): bool {
  return (
    (flags & ~(<u64>BPF_F_LOCK)) > <u64>BPF_EXIST ||
    ((flags & <u64>BPF_F_LOCK) != 0 && load<u32>(map, MAP_SPIN_LOCK) == 0)
  )
}

/**
 * Calls a program's callback (map, key, value, context) for one element; true when it asks to stop, or faulted. The
 * frame that the callback gets begins at CTL_SP.
 */
@inline
export function visit(callback: u32, map: usize, key: usize, value: usize, context: u64): bool {
  const stop = call_indirect<u64>(callback, <u64>map, <u64>key, <u64>value, context, <u64>0) != 0
  return stop || load<i32>(control, CTL_FAULT) != 0
}

/** Takes 8 bytes of this CPU's stack area for a key that a callback may read; `dropKey` gives them back. */
@inline
export function pushKey(): usize {
  const sp = load<u32>(control, CTL_SP) - 8
  store<u32>(control, sp, CTL_SP)
  return sp
}

@inline
export function popKey(key: usize): void {
  store<u32>(control, <u32>key + 8, CTL_SP)
}
