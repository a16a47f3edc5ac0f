/** BPF_MAP_TYPE_RINGBUF (kernel/bpf/ringbuf.c): one ring, which the bpf_ringbuf_* helpers write (layout/ring.ts). */
import { ENOMEM } from '../../registry/src/layout/errno'
import { MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import {
  RING_DATA,
  RING_MAGIC,
  RING_MAGIC_VALUE,
  RING_MAP,
  RING_MASK,
  RING_PAGE,
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
