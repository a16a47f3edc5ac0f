/** BPF_MAP_TYPE_RINGBUF (kernel/bpf/ringbuf.c): one ring, which the bpf_ringbuf_* helpers write (layout/ring.ts). */
import { ENOMEM } from '../../registry/src/layout/errno'
import { MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import {
  RECORD_DISCARDED,
  RECORD_HEADER,
  RING_CONSUMER,
  RING_DATA,
  RING_FOUND,
  RING_FOUND_END,
  RING_MAGIC,
  RING_MAGIC_VALUE,
  RING_MAP,
  RING_MASK,
  RING_PAGE,
  RING_PRODUCER,
} from '../../registry/src/layout/ring'
import { alloc, free, shapeBlock } from './env'

export function ringbuf_init(map: u32): i32 {
  const bytes = load<u32>(map, MAP_MAX_ENTRIES)
  const ring = bytes > 0x4000_0000 ? 0 : alloc(RING_DATA + 2 * bytes, RING_PAGE)
  if (ring == 0) return -ENOMEM
  store<u32>(ring, bytes - 1, RING_MASK)
  store<u32>(ring, map, RING_MAP)
  store<u32>(ring, RING_MAGIC_VALUE, RING_MAGIC)
  shapeBlock(map, ring, RING_DATA, 2 * bytes, 2 * bytes)
  store<u32>(map, ring, MAP_DATA)
  return 0
}

export function ringbuf_free(map: u32): void {
  const ring = load<u32>(map, MAP_DATA)
  store<u32>(ring, 0, RING_MAGIC)
  free(ring)
}

/** Finds committed records, at most so many and up to the first that is busy, and notes where they are. */
export function ringbuf_find(map: u32, most: u32): u32 {
  const ring = load<u32>(map, MAP_DATA)
  const mask: u64 = load<u32>(ring, RING_MASK)
  const end = SHARED ? atomic.load<u64>(ring + RING_PRODUCER) : load<u64>(ring, RING_PRODUCER)
  let at = load<u64>(ring, RING_CONSUMER)
  let count: u32 = 0
  while (at < end && count < most) {
    const record = ring + RING_DATA + <u32>(at & mask)
    const word = SHARED ? atomic.load<u32>(record) : load<u32>(record)
    // RECORD_BUSY
    if (<i32>word < 0) break
    const bytes = word & ~RECORD_DISCARDED
    at += (<u64>bytes + RECORD_HEADER + 7) & ~7
    if (word & RECORD_DISCARDED) continue
    store<u32>(ring + (count << 3), record + RECORD_HEADER, RING_FOUND)
    store<u32>(ring + (count << 3), bytes, RING_FOUND + 4)
    count++
  }
  store<u64>(ring, at, RING_FOUND_END)
  return count
}

/** What was found is the producers' again. */
export function ringbuf_pass(map: u32): void {
  const ring = load<u32>(map, MAP_DATA)
  const end = load<u64>(ring, RING_FOUND_END)
  if (SHARED) atomic.store<u64>(ring + RING_CONSUMER, end)
  else store<u64>(ring, end, RING_CONSUMER)
}
