/**
 * Local objects (bpf_obj_new and its kin, kernel/bpf/helpers.c): blocks of the arena behind a header that names the
 * record of their special fields. What a program drops is kept until no program runs, as RCU keeps it; with threads,
 * where nobody knows that, it waits for the next object of the same record.
 */
import { CTL_CPU, CTL_DROPPED, CTL_PROG } from '../../registry/src/layout/control'
import {
  FIELD_KIND,
  FIELD_LIST_NODE,
  FIELD_OFFSET,
  FIELD_RB_NODE,
  FIELD_SIZE,
  OBJECT_HEADER,
  OBJECT_NEXT,
  OBJECT_RECORD,
  OBJECT_STRIDE,
  RECORD_BYTES,
  RECORD_COUNT,
  RECORD_FIELDS,
  RECORD_FREED,
  RECORD_FREED_LOCK,
  RECORD_REFCOUNT,
  TYPE_ID,
  TYPE_RECORD,
  TYPE_SIZE,
  TYPES_COUNT,
  TYPES_FIRST,
} from '../../registry/src/layout/fields'
import { PROG_TYPES } from '../../registry/src/layout/program'
import { releaseCipher } from './crypto'
import { control, pointer, take } from './env'
import { freeRecordFields } from './fields'
import { LIST_SELF } from './list'
import { RB_SELF } from './rbtree'

// @ts-ignore: decorator
@external("memory", "alloc")
declare function alloc(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "cpus")
declare function cpus(): u32

/** Has what CTL_DROPPED begins given back to the arena when no program runs. */
// @ts-ignore: decorator
@external("host", "freeDroppedLater")
declare function freeDroppedLater(): void

/** Reference counts stop here (REFCOUNT_SATURATED). */
const SATURATED: u32 = 0xc000_0000

/** Objects whose special fields are still to be freed, and whether someone is at it. */
let waiting: u32 = 0
let emptying: bool = false

/** The record of a local type of the running program, or 0. */
function recordOf(type: u32): usize {
  const types: usize = load<u32>(load<u32>(control, CTL_PROG), PROG_TYPES)
  if (types == 0) return 0
  let at = types + TYPES_FIRST
  for (let left = load<u32>(types, TYPES_COUNT); left > 0; left--) {
    if (load<u32>(at, TYPE_ID) == type) return load<u32>(at, TYPE_RECORD)
    at += TYPE_SIZE
  }
  return 0
}

/** Zeroed, or 0 when the limit does not allow it. */
function make(record: usize, stride: u32): usize {
  const bytes = stride == 0 ? load<u32>(record, RECORD_BYTES) : stride * cpus()
  let block: usize = 0
  if (SHARED && stride == 0) {
    if (!take(record + RECORD_FREED_LOCK)) return 0
    block = load<u32>(record, RECORD_FREED)
    if (block != 0) store<u32>(record, load<u32>(block, OBJECT_NEXT), RECORD_FREED)
    atomic.store<u32>(record + RECORD_FREED_LOCK, 0)
    if (block != 0) memory.fill(block, 0, bytes + OBJECT_HEADER)
  }
  if (block == 0) block = alloc(bytes + OBJECT_HEADER, 16)
  if (block == 0) return 0
  store<u32>(block, <u32>record, OBJECT_RECORD)
  store<u32>(block, stride, OBJECT_STRIDE)
  return block + OBJECT_HEADER
}

export function obj_new(type: u64, meta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const record = recordOf(<u32>type)
  if (record == 0) return 0
  const object = make(record, 0)
  if (object == 0) return 0
  let field = record + RECORD_FIELDS
  for (let left = load<u32>(record, RECORD_COUNT); left > 0; left--) {
    const offset = load<u32>(field, FIELD_OFFSET)
    const kind = load<u32>(field, FIELD_KIND)
    // A node knows how far into its object it is.
    if (kind == FIELD_LIST_NODE) store<u32>(object + offset, offset, LIST_SELF)
    else if (kind == FIELD_RB_NODE) store<u32>(object + offset, offset, RB_SELF)
    field += FIELD_SIZE
  }
  const refcount = load<u32>(record, RECORD_REFCOUNT)
  if (refcount != 0) store<u32>(object + refcount - 1, 1)
  return <u64>object
}

export function percpu_obj_new(type: u64, meta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const record = recordOf(<u32>type)
  return record == 0 ? 0 : <u64>make(record, (load<u32>(record, RECORD_BYTES) + 7) & ~7)
}

/** Takes one reference of an object; the last one frees it and what it owns (__bpf_obj_drop_impl). */
export function drop(object: usize): void {
  const block = object - OBJECT_HEADER
  const record: usize = load<u32>(block, OBJECT_RECORD)
  // Of an object of the kernel, which is a cipher.
  if (record == 0) {
    releaseCipher(object)
    return
  }
  const refcount = load<u32>(record, RECORD_REFCOUNT)
  if (refcount != 0) {
    const at = object + refcount - 1
    const before = SHARED ? atomic.sub<u32>(at, 1) : load<u32>(at)
    if (!SHARED) store<u32>(at, before - 1)
    if (before > 1) return
  }
  store<u32>(block, waiting, OBJECT_NEXT)
  waiting = <u32>block
  // One after another: a chain of objects may be long.
  if (emptying) return
  emptying = true
  while (waiting != 0) {
    const next = waiting
    waiting = load<u32>(next, OBJECT_NEXT)
    if (load<u32>(next, OBJECT_STRIDE) == 0) freeRecordFields(load<u32>(next, OBJECT_RECORD), next + OBJECT_HEADER)
    keep(next)
  }
  emptying = false
}

/** What is no object any more waits until nobody can look at it. */
export function keep(block: usize): void {
  const record: usize = load<u32>(block, OBJECT_RECORD)
  if (SHARED && record != 0 && load<u32>(block, OBJECT_STRIDE) == 0) {
    if (!take(record + RECORD_FREED_LOCK)) return
    store<u32>(block, load<u32>(record, RECORD_FREED), OBJECT_NEXT)
    store<u32>(record, <u32>block, RECORD_FREED)
    atomic.store<u32>(record + RECORD_FREED_LOCK, 0)
    return
  }
  const first = load<u32>(control, CTL_DROPPED)
  store<u32>(block, first, OBJECT_NEXT)
  store<u32>(control, <u32>block, CTL_DROPPED)
  if (first == 0) freeDroppedLater()
}

export function obj_drop(object: u64, meta: u64, r3: u64, r4: u64, r5: u64): u64 {
  drop(pointer(object))
  return 0
}

/** One more reference, or null when the last one is gone already. */
export function refcount_acquire(object: u64, meta: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(object)
  const record: usize = load<u32>(at - OBJECT_HEADER, OBJECT_RECORD)
  const word = at + load<u32>(record, RECORD_REFCOUNT) - 1
  let count = load<u32>(word)
  if (!SHARED) {
    if (count != 0 && count < SATURATED) store<u32>(word, count + 1)
    return count == 0 ? 0 : object
  }
  while (count != 0 && count < SATURATED) {
    const found = atomic.cmpxchg<u32>(word, count, count + 1)
    if (found == count) return object
    count = found
  }
  return count == 0 ? 0 : object
}

/** Exchanges the pointer in a kptr field; what was there is the program's now. */
export function kptr_xchg(field: u64, object: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(field)
  if (SHARED) return atomic.xchg<u64>(at, object)
  const before = load<u64>(at)
  store<u64>(at, object)
  return before
}

/** The copy of an object that this CPU has. */
export function this_cpu_ptr(object: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return per_cpu_ptr(object, load<u32>(control, CTL_CPU), 0, 0, 0)
}

/** The copy of an object that a CPU has; null for a CPU that there is not. */
export function per_cpu_ptr(object: u64, cpu: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (<u32>cpu >= cpus()) return 0
  return object + <u64>load<u32>(pointer(object) - OBJECT_HEADER, OBJECT_STRIDE) * <u64>(<u32>cpu)
}
