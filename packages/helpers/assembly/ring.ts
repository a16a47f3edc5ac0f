/** Records in rings (registry's layout/ring.ts): reserved by the producers in order, committed in any order. */
import { CTL_CPU } from '../../registry/src/layout/control'
import { ENOSPC } from '../../registry/src/layout/errno'
import {
  BPF_RB_FORCE_WAKEUP,
  BPF_RB_NO_WAKEUP,
  RECORD_BUSY,
  RECORD_CPU_SHIFT,
  RECORD_DISCARDED,
  RECORD_HEADER,
  RECORD_LENGTH,
  RECORD_PAGES,
  RING_CONSUMER,
  RING_DATA,
  RING_LOCK,
  RING_LOST,
  RING_MAGIC,
  RING_MAGIC_VALUE,
  RING_MAP,
  RING_MASK,
  RING_PENDING,
  RING_PRODUCER,
} from '../../registry/src/layout/ring'
import { control, copyBytes, take } from './env'

// @ts-ignore: decorator
@external("host", "wake")
declare function hostWake(map: u32): i32

/** RINGBUF_MAX_RECORD_SZ. */
const LARGEST: u64 = 0xffff_ffff / 4

/** False when the worker that has the lock is gone or does not let go: there is no room then, as in the kernel. */
@inline
function acquire(ring: usize): bool {
  return SHARED ? take(ring + RING_LOCK) : true
}

@inline
function release(ring: usize): void {
  if (SHARED) atomic.store<u32>(ring + RING_LOCK, 0)
}

@inline
function up8(value: u64): u64 {
  return (value + 7) & ~7
}

/** __bpf_ringbuf_reserve: the address of a record's header, busy, or 0. */
export function reserveRecord(ring: usize, size: u64): usize {
  if (size > LARGEST) return 0
  const mask: u64 = load<u32>(ring, RING_MASK)
  const length = up8(size + RECORD_HEADER)
  if (length > mask + 1) return 0
  const consumer = SHARED ? atomic.load<u64>(ring + RING_CONSUMER) : load<u64>(ring, RING_CONSUMER)
  if (!acquire(ring)) return 0
  const producer = load<u64>(ring, RING_PRODUCER)
  let pending = load<u64>(ring, RING_PENDING)
  while (pending < producer) {
    const word = load<u32>(ring + RING_DATA + <usize>(pending & mask))
    if (word & RECORD_BUSY) break
    pending += up8(<u64>(word & ~RECORD_DISCARDED) + RECORD_HEADER)
  }
  store<u64>(ring, pending, RING_PENDING)
  const after = producer + length
  // One byte short of the whole ring, counted from the oldest record not read, and from the oldest still busy.
  if (after - consumer > mask || after - pending > mask) {
    store<u32>(ring, load<u32>(ring, RING_LOST) + 1, RING_LOST)
    release(ring)
    return 0
  }
  const record = ring + RING_DATA + <usize>(producer & mask)
  store<u32>(record, <u32>size | RECORD_BUSY, RECORD_LENGTH)
  const cpu = load<u32>(control, CTL_CPU)
  store<u32>(record, <u32>((record - ring) >> 12) | (cpu << RECORD_CPU_SHIFT), RECORD_PAGES)
  if (SHARED) atomic.store<u64>(ring + RING_PRODUCER, after)
  else store<u64>(ring, after, RING_PRODUCER)
  release(ring)
  return record
}

/** The ring of a record that was reserved and not committed; 0 for anything else (unverified programs). */
@inline
export function ringOf(record: usize): usize {
  const pages = load<u32>(record, RECORD_PAGES) & ((1 << RECORD_CPU_SHIFT) - 1)
  const ring = record - (<usize>pages << 12) - (record & 0xfff)
  if (record <= ring || load<u32>(ring, RING_MAGIC) != RING_MAGIC_VALUE) return 0
  return load<u32>(record, RECORD_LENGTH) & RECORD_BUSY ? ring : 0
}

/** bpf_ringbuf_commit. Readers are woken when they had read everything before this record, or when the flags say so. */
export function commitRecord(record: usize, flags: u64, discard: bool): void {
  const ring = ringOf(record)
  if (ring == 0) return
  let word = load<u32>(record, RECORD_LENGTH) ^ RECORD_BUSY
  if (discard) word |= RECORD_DISCARDED
  if (SHARED) atomic.store<u32>(record, word)
  else store<u32>(record, word, RECORD_LENGTH)
  const consumer = SHARED ? atomic.load<u64>(ring + RING_CONSUMER) : load<u64>(ring, RING_CONSUMER)
  const caughtUp = (consumer & <u64>load<u32>(ring, RING_MASK)) == <u64>(record - ring - RING_DATA)
  if (flags & BPF_RB_FORCE_WAKEUP || (caughtUp && (flags & BPF_RB_NO_WAKEUP) == 0))
    hostWake(load<u32>(ring, RING_MAP))
}

/** A sample of two pieces into a perf ring: 0, or -ENOSPC. The record says how many before it were lost. */
export function outputSample(ring: usize, from: usize, size: usize, more: usize, extra: usize): i32 {
  const lost = load<u32>(ring, RING_LOST)
  const record = reserveRecord(ring, <u64>size + extra)
  if (record == 0) return -ENOSPC
  copyBytes(record + RECORD_HEADER, from, size)
  if (extra != 0) copyBytes(record + RECORD_HEADER + size, more, extra)
  store<u32>(record, <u32>size + <u32>extra, RECORD_LENGTH)
  store<u32>(record, lost, RECORD_PAGES)
  store<u32>(ring, 0, RING_LOST)
  const consumed = load<u64>(ring, RING_CONSUMER) & <u64>load<u32>(ring, RING_MASK)
  const caughtUp = consumed == <u64>(record - ring - RING_DATA)
  if (caughtUp) hostWake(load<u32>(ring, RING_MAP))
  return 0
}
