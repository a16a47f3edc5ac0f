/**
 * bpf_timer and bpf_wq (kernel/bpf/helpers.c): the field holds the address of a record (ASYNC_*); when its callback
 * runs is the host's business.
 */
import { CTL_PROG } from '../../registry/src/layout/control'
import { EBUSY, EDEADLK, EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import {
  ASYNC_BYTES,
  ASYNC_CALLBACK,
  ASYNC_CLOCK,
  ASYNC_MAP,
  ASYNC_PROG,
  ASYNC_VALUE,
  FIELD_KIND,
  FIELD_OFFSET,
  FIELD_SIZE,
  FIELD_TIMER,
  FIELD_WQ,
  RECORD_FIELDS,
} from '../../registry/src/layout/fields'
import { MAP_FIELDS } from '../../registry/src/layout/map'
import { control, pointer, result } from './env'

// @ts-ignore: decorator
@external("memory", "alloc")
declare function alloc(size: u32, align: u32): u32

// @ts-ignore: decorator
@external("memory", "setShape")
declare function setShape(address: u32, shape: u32): i32

// @ts-ignore: decorator
@external("host", "timerStart")
declare function timerStart(work: u32, low: u32, high: u32, absolute: u32): i32

// @ts-ignore: decorator
@external("host", "workQueue")
declare function workQueue(work: u32): i32

// @ts-ignore: decorator
@external("host", "timerCancel")
declare function timerCancel(work: u32): i32

// @ts-ignore: decorator
@external("host", "timerRunning")
declare function timerRunning(): u32

/** Cancels it and frees its record when its callback does not run. */
// @ts-ignore: decorator
@external("host", "timerFree")
declare function timerFree(work: u32): void

const MAX_CLOCKS: u64 = 16
const CLOCK_REALTIME: u64 = 0
const CLOCK_MONOTONIC: u64 = 1
const CLOCK_BOOTTIME: u64 = 7

const BPF_F_TIMER_ABS: u64 = 1
const BPF_F_TIMER_CPU_PIN: u64 = 2

/** The record of a timer or work queue, or 0 before it is initialised. */
@inline
function workOf(field: u64): usize {
  return load<u32>(pointer(field))
}

/** __bpf_async_init. */
function init(field: u64, map: u64, kind: u32, clock: u32): u64 {
  if (workOf(field) != 0) return result(-EBUSY)
  const work = alloc(ASYNC_BYTES, 16)
  if (work == 0) return result(-ENOMEM)
  setShape(work, 1)
  // A value has one timer and one work queue at most.
  let at: usize = load<u32>(pointer(map), MAP_FIELDS) + RECORD_FIELDS
  while (load<u32>(at, FIELD_KIND) != kind) at += FIELD_SIZE
  store<u32>(work, <u32>map, ASYNC_MAP)
  store<u32>(work, <u32>field - load<u32>(at, FIELD_OFFSET), ASYNC_VALUE)
  store<u32>(work, clock, ASYNC_CLOCK)
  store<u32>(pointer(field), work)
  return 0
}

/** __bpf_async_set_callback. */
function setCallback(field: u64, callback: u64): u64 {
  const work = workOf(field)
  if (work == 0) return result(-EINVAL)
  store<u32>(work, load<u32>(control, CTL_PROG), ASYNC_PROG)
  store<u32>(work, <u32>callback, ASYNC_CALLBACK)
  return 0
}

export function timer_init(timer: u64, map: u64, flags: u64, r4: u64, r5: u64): u64 {
  const known = flags == CLOCK_MONOTONIC || flags == CLOCK_REALTIME || flags == CLOCK_BOOTTIME
  if (flags >= MAX_CLOCKS || !known) return result(-EINVAL)
  return init(timer, map, FIELD_TIMER, <u32>flags)
}

export function timer_set_callback(timer: u64, callback: u64, r3: u64, r4: u64, r5: u64): u64 {
  return setCallback(timer, callback)
}

export function timer_start(timer: u64, nanoseconds: u64, flags: u64, r4: u64, r5: u64): u64 {
  if (flags & ~(BPF_F_TIMER_ABS | BPF_F_TIMER_CPU_PIN)) return result(-EINVAL)
  const work = workOf(timer)
  if (work == 0 || load<u32>(work, ASYNC_PROG) == 0) return result(-EINVAL)
  const absolute: u32 = (flags & BPF_F_TIMER_ABS) != 0 ? 1 : 0
  return result(timerStart(<u32>work, <u32>nanoseconds, <u32>(nanoseconds >> 32), absolute))
}

/** 1 when it was started and has not run, 0 when not; it needs a callback anew afterwards. */
export function timer_cancel(timer: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const work = workOf(timer)
  if (work == 0) return result(-EINVAL)
  if (timerRunning() == <u32>work) return result(-EDEADLK)
  store<u32>(work, 0, ASYNC_PROG)
  store<u32>(work, 0, ASYNC_CALLBACK)
  return result(timerCancel(<u32>work))
}

export function wq_init(wq: u64, map: u64, flags: u64, r4: u64, r5: u64): u64 {
  return <u32>flags != 0 ? result(-EINVAL) : init(wq, map, FIELD_WQ, <u32>CLOCK_MONOTONIC)
}

export function wq_set_callback(wq: u64, callback: u64, flags: u64, aux: u64, r5: u64): u64 {
  return <u32>flags != 0 ? result(-EINVAL) : setCallback(wq, callback)
}

export function wq_start(wq: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  const work = workOf(wq)
  if (<u32>flags != 0 || work == 0 || load<u32>(work, ASYNC_PROG) == 0) return result(-EINVAL)
  return result(workQueue(<u32>work))
}

/** bpf_timer_cancel_and_free, bpf_wq_cancel_and_free. */
export function freeAsync(field: usize): void {
  const work = load<u32>(field)
  if (work == 0) return
  store<u64>(field, 0)
  store<u32>(work, 0, ASYNC_PROG)
  timerFree(work)
}
