/** bpf_user_ringbuf_drain (kernel/bpf/ringbuf.c): records that the host wrote, each as a dynptr to a callback. */
import { CTL_FAULT, CTL_OWNER, CTL_SP } from '../../registry/src/layout/control'
import { E2BIG, EAGAIN, EBUSY, EINVAL, ENODATA } from '../../registry/src/layout/errno'
import { MAP_DATA } from '../../registry/src/layout/map'
import {
  BPF_RB_FORCE_WAKEUP,
  BPF_RB_NO_WAKEUP,
  RECORD_BUSY,
  RECORD_DISCARDED,
  RECORD_HEADER,
  RING_CONSUMER,
  RING_DATA,
  RING_LOCK,
  RING_MAP,
  RING_MASK,
  RING_PRODUCER,
} from '../../registry/src/layout/ring'
import { DYNPTR_MAX_SIZE, writeDynptr } from './dynptr'
import { control, pointer, result } from './env'

// @ts-ignore: decorator
@external("host", "wake")
declare function hostWake(map: u32): i32

/** BPF_MAX_USER_RINGBUF_SAMPLES. */
const MOST_SAMPLES: u32 = 128 * 1024
const DYNPTR_LOCAL: u32 = 1
const DYNPTR_BYTES: u32 = 16

@inline
function position(ring: usize, at: usize): u64 {
  return SHARED ? atomic.load<u64>(ring + at) : load<u64>(ring + at)
}

@inline
function consumed(ring: usize, position: u64): void {
  if (SHARED) atomic.store<u64>(ring + RING_CONSUMER, position)
  else store<u64>(ring, position, RING_CONSUMER)
}

@inline
function totalLength(size: u32): u64 {
  return (<u64>size + RECORD_HEADER + 7) & ~7
}

/**
 * __bpf_user_ringbuf_peek: bytes of the next sample, or an errno: ENODATA at the end, EAGAIN for one that was
 * discarded.
 */
function peek(ring: usize): i32 {
  const producer = position(ring, RING_PRODUCER)
  if (producer & 7) return -EINVAL
  const consumer = position(ring, RING_CONSUMER)
  if (consumer >= producer) return -ENODATA
  const mask: u64 = load<u32>(ring, RING_MASK)
  const header = ring + RING_DATA + <usize>(consumer & mask)
  const word = SHARED ? atomic.load<u32>(header) : load<u32>(header)
  const size = word & ~(RECORD_BUSY | RECORD_DISCARDED)
  const length = totalLength(size)
  if (length > producer - consumer) return -EINVAL
  if (length > mask + 1 || size > DYNPTR_MAX_SIZE) return -E2BIG
  if (word & RECORD_DISCARDED) {
    consumed(ring, consumer + length)
    return -EAGAIN
  }
  return word & RECORD_BUSY ? -ENODATA : <i32>size
}

export function user_ringbuf_drain(map: u64, callback: u64, context: u64, flags: u64, r5: u64): u64 {
  if ((flags & ~(<u64>(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))) != 0) return result(-EINVAL)
  const ring: usize = load<u32>(pointer(map), MAP_DATA)
  // A callback may drain the ring that it is called for: nobody waits for the lock, which names its holder.
  const owner = load<u32>(control, CTL_OWNER) | 0x8000_0000
  if (SHARED) {
    if (atomic.cmpxchg<u32>(ring + RING_LOCK, 0, owner) != 0) return result(-EBUSY)
  } else {
    if (load<u32>(ring, RING_LOCK) != 0) return result(-EBUSY)
    store<u32>(ring, owner, RING_LOCK)
  }
  const mask: u64 = load<u32>(ring, RING_MASK)
  const top = load<u32>(control, CTL_SP)
  const dynptr = top - DYNPTR_BYTES
  let samples: u32 = 0
  let discarded: u32 = 0
  let stop: u64 = 0
  let failed = 0
  while (samples < MOST_SAMPLES && stop == 0) {
    const size = peek(ring)
    if (size == -ENODATA) break
    if (size < 0 && size != -EAGAIN) {
      failed = size
      break
    }
    samples++
    if (size == -EAGAIN) {
      discarded++
      continue
    }
    const consumer = position(ring, RING_CONSUMER)
    const sample = ring + RING_DATA + <usize>(consumer & mask) + RECORD_HEADER
    writeDynptr(dynptr, sample, DYNPTR_LOCAL, <u32>size)
    store<u32>(control, dynptr, CTL_SP)
    stop = call_indirect<u64>(<u32>callback, <u64>dynptr, context, <u64>0, <u64>0, <u64>0)
    store<u32>(control, top, CTL_SP)
    if (load<i32>(control, CTL_FAULT) != 0) stop = 1
    consumed(ring, consumer + totalLength(<u32>size))
  }
  if (SHARED) atomic.store<u32>(ring + RING_LOCK, 0)
  else store<u32>(ring, 0, RING_LOCK)
  if (flags & BPF_RB_FORCE_WAKEUP || ((flags & BPF_RB_NO_WAKEUP) == 0 && samples > 0))
    hostWake(load<u32>(ring, RING_MAP))
  return result(failed != 0 ? failed : <i32>(samples - discarded))
}
