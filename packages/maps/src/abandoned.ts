import type { Arena } from '@skep/memory'
import { ringLayout as layout, mapLayout } from '@skep/registry'
import { aliveIn } from './alive.ts'
import type { HostMap } from './host-map.ts'
import { recordLength } from './ring.ts'

/** The bits of a lock's word that tell the CPU. */
const CPU = 0xfff

// By name, not by definition: a runtime that has none of these types need not hold their module.
const USER_RING = 'user_ringbuf'
const PERF = 'perf_event_array'
const WITH_RING: readonly string[] = ['ringbuf', USER_RING]

/** Where the rings of a map are. */
function* ringsOf({ arena, address, type, maxEntries }: HostMap): Generator<number> {
  const data = arena.u32[(address + mapLayout.MAP_DATA) >>> 2]!
  if (WITH_RING.includes(type)) yield data
  if (type !== PERF) return
  for (let n = 0; n < maxEntries; n++)
    if (arena.u32[(data >>> 2) + n] !== 0) yield arena.u32[(data >>> 2) + n]!
}

/**
 * The worker that locks name by `tag` is gone: records that it had reserved in rings and not committed become discarded
 * ones, which readers pass over, and a ring's lock that it held is free; so is that of a map that its type can make whole
 * again. Only before the table of CPUs says that it is gone: others wait for its locks until then, and get an error after.
 */
export function discardAbandoned(arena: Arena, tag: number): void {
  const { u32 } = arena
  for (const map of aliveIn(arena).values()) {
    repair(map, tag)
    for (const ring of ringsOf(map)) {
      // Nothing under this lock is half done where a worker can end; of a user ring the last record may be drained again.
      Atomics.compareExchange(u32, (ring + layout.RING_LOCK) >>> 2, tag, 0)
      // Records of a user ring are the host's.
      if (map.type !== USER_RING) discardIn(u32, ring, tag & CPU)
    }
  }
}

/** A map whose lock the worker held: another one keeps it, and operations are refused by name. */
function repair({ arena, address, operation }: HostMap, tag: number): void {
  const { u32 } = arena
  const lock = (address + mapLayout.MAP_LOCK) >>> 2
  // It stays the holder's until all is done, so that nobody else changes the map.
  if (Atomics.load(u32, lock) === tag && operation('repair')?.(address) === 0)
    Atomics.compareExchange(u32, lock, tag, 0)
}

function discardIn(u32: Uint32Array, ring: number, cpu: number): void {
  const mask = u32[(ring + layout.RING_MASK) >>> 2]!
  const end = Atomics.load(u32, (ring + layout.RING_PRODUCER) >>> 2)
  for (let at = u32[(ring + layout.RING_CONSUMER) >>> 2]!; at !== end; ) {
    const record = (ring + layout.RING_DATA + (at & mask)) >>> 2
    const word = Atomics.load(u32, record)
    const bytes = word & ~(layout.RECORD_BUSY | layout.RECORD_DISCARDED)
    if (word >= layout.RECORD_BUSY && u32[record + 1]! >>> layout.RECORD_CPU_SHIFT === cpu)
      Atomics.store(u32, record, bytes | layout.RECORD_DISCARDED)
    at = (at + recordLength(bytes)) >>> 0
  }
}
