import { ringLayout as layout, type MapHandle, mapLayout } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'
import { perfEventArray } from './perf-event-array.ts'
import { RecordIterator } from './record-iterator.ts'
import { Ring } from './ring.ts'
import { Waiter } from './waiter.ts'

/** One sample of bpf_perf_event_output: what the program gave, then as much of the packet as its flags asked for. */
export interface PerfRecord {
  readonly cpu: number
  readonly data: Uint8Array
  /** Samples of this CPU that found no room between the record before and this one. */
  readonly lost: number
}

export interface PerfBufferOptions {
  /** Bytes of each CPU's ring, a power of two from 4096 on. Default 65536. */
  readonly bytes?: number
}

const MOST_BYTES = 1 << 28

const key32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

/**
 * Gives a `perf_event_array` map a ring for each CPU and reads them: until then, and after `close`, programs get -ENOENT.
 * Throws MapError EINVAL for a map of another type or a size that is no power of two, EBADF for a closed map, EBUSY when
 * it has a reader, and ArenaError ENOMEM.
 */
export function openPerfBuffer(map: MapHandle, options: PerfBufferOptions = {}): PerfBuffer {
  const fail = (code: 'EINVAL' | 'EBADF' | 'EBUSY', why: string): MapError =>
    new MapError(code, map.name, 'openPerfBuffer', why)
  const { bytes = 65_536 } = options
  if (!(bytes >= layout.RING_PAGE && bytes <= MOST_BYTES && Number.isInteger(Math.log2(bytes))))
    throw fail('EINVAL', `bytes is ${bytes}; give a power of two from 4096 to ${MOST_BYTES}`)
  if (map.openRing && map.type === 'perf_event_array') return map.openRing(options) as PerfBuffer
  if (!(map instanceof HostMap) || map.def.id !== perfEventArray.id)
    throw fail('EINVAL', `the map is of type ${map.type}, not perf_event_array`)
  if (map.closed) throw fail('EBADF', 'the map is closed')
  if (map.size > 0) throw fail('EBUSY', 'the map has a reader; close it first')
  return new PerfBuffer(map, bytes)
}

/**
 * Samples of a perf event array. `for await (const { cpu, data, lost } of buffer)` waits when there are none, and ends when
 * the reader or the map is closed; a slow loop leaves samples in the rings, and what finds no room is counted.
 */
export class PerfBuffer implements AsyncIterable<PerfRecord> {
  readonly map: HostMap
  readonly #rings: readonly Ring[]
  readonly #waiter: Waiter
  readonly #forget: () => void
  #freed = false

  /** Use `openPerfBuffer`. */
  constructor(map: HostMap, bytes: number) {
    this.map = map
    const { arena } = map
    const rings: Ring[] = []
    this.#rings = rings
    try {
      for (let cpu = 0; cpu < Math.min(arena.cpus, map.maxEntries); cpu++) {
        const ring = arena.alloc(layout.RING_DATA + 2 * bytes, layout.RING_PAGE)
        arena.exports.setShape(ring, 1)
        const put = (offset: number, value: number): void => arena.view.setUint32(ring + offset, value, true)
        put(layout.RING_MASK, bytes - 1)
        put(layout.RING_MAP, map.address)
        put(layout.RING_CPU, cpu)
        put(layout.RING_MAGIC, layout.RING_MAGIC_VALUE)
        rings.push(new Ring(arena, ring))
        map.update(key32(cpu), key32(ring))
      }
    } catch (error) {
      this.#free()
      throw error
    }
    this.#waiter = new Waiter(map)
    this.#forget = map.onWake(() => {
      if (map.closed) this.close()
    })
  }

  /**
   * Hands the samples that are there to `take`, each CPU's in order, at most `limit`, and returns how many. `data` is a
   * view of the arena, good during the call. `take` ends the reading by returning false.
   */
  consume(take: (record: PerfRecord) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    let count = 0
    let going = true
    for (const [cpu, ring] of this.#rings.entries()) {
      if (this.closed || !going || count >= limit) break
      count += ring.read(
        (_, at, bytes, lost) => {
          going = take({ cpu, data: ring.memory.u8.subarray(at, at + bytes), lost }) !== false
          return going && !this.closed
        },
        undefined,
        limit - count,
      )
    }
    return count
  }

  /** Samples that found no room and that no record has told of yet. */
  get lost(): number {
    return this.closed ? 0 : this.#rings.reduce((sum, ring) => sum + ring.lost, 0)
  }

  get closed(): boolean {
    return this.#freed || this.#waiter.closed
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PerfRecord, void, undefined> {
    return new RecordIterator({ take: () => this.#take(), wait: () => this.#waiter.wait() })
  }

  #take(): PerfRecord | undefined {
    let record: PerfRecord | undefined
    this.consume((view) => {
      record = { ...view, data: view.data.slice() }
    }, 1)
    return record
  }

  /** Takes the rings from the map and ends loops over it. Closing twice is fine. */
  close(): void {
    if (this.#freed) return
    this.#free()
    this.#forget()
    this.#waiter.close()
  }

  #free(): void {
    this.#freed = true
    const { arena, address } = this.map
    const { u32 } = arena
    // Past the handle: a ring goes from a frozen map too.
    const slots = u32[(address + mapLayout.MAP_DATA) >> 2]! >> 2
    for (const [cpu, ring] of this.#rings.entries()) {
      if (u32[slots + cpu] === ring.address) {
        u32[slots + cpu] = 0
        u32[(address + mapLayout.MAP_COUNT) >> 2]!--
      }
      arena.u32[(ring.address + layout.RING_MAGIC) >> 2] = 0
      arena.free(ring.address)
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
