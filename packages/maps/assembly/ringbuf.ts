/** BPF_MAP_TYPE_RINGBUF (kernel/bpf/ringbuf.c): one ring, which the bpf_ringbuf_* helpers write (layout/ring.ts). */
import { ENOMEM } from '../../registry/src/layout/errno'
import { MAP_DATA, MAP_MAX_ENTRIES, MAP_PRIVATE } from '../../registry/src/layout/map'
import {
  RING_CPU,
  RING_DATA,
  RING_MAGIC,
  RING_MAGIC_VALUE,
  RING_MAP,
  RING_MASK,
  RING_PAGE,
} from '../../registry/src/layout/ring'
import { alloc, free, setShape } from './env'

/** Which bytes of the ring programs see: three u32 for setShape. */
const SHAPE = MAP_PRIVATE

/** A ring of `bytes` (a power of two) for a map, or 0. `shape` is where its shape record goes; 0: programs see none of it. */
export function ring_new(map: u32, bytes: u32, cpu: u32, shape: u32): u32 {
  if (bytes > 0x4000_0000) return 0
  const ring = alloc(RING_DATA + 2 * bytes, RING_PAGE)
  if (ring == 0) return 0
  store<u32>(ring, bytes - 1, RING_MASK)
  store<u32>(ring, map, RING_MAP)
  store<u32>(ring, cpu, RING_CPU)
  store<u32>(ring, RING_MAGIC_VALUE, RING_MAGIC)
  if (shape == 0) {
    setShape(ring, 1)
    return ring
  }
  store<u32>(shape, RING_DATA)
  store<u32>(shape, 2 * bytes, 4)
  store<u32>(shape, 2 * bytes, 8)
  setShape(ring, shape)
  return ring
}

export function ringbuf_init(map: u32): i32 {
  const ring = ring_new(map, load<u32>(map, MAP_MAX_ENTRIES), 0, map + SHAPE)
  if (ring == 0) return -ENOMEM
  store<u32>(map, ring, MAP_DATA)
  return 0
}

export function ringbuf_free(map: u32): void {
  const ring = load<u32>(map, MAP_DATA)
  store<u32>(ring, 0, RING_MAGIC)
  free(ring)
}
