import type { MapHandle } from '@skep/registry'
import { mapLayout } from '@skep/registry'
import { MapError } from './errors.ts'
import { HostMap } from './host-map.ts'
import { RecordIterator } from './record-iterator.ts'
import { Ring } from './ring.ts'
import { ringbuf } from './ringbuf.ts'
import { Waiter } from './waiter.ts'

/**
 * The reader of a `ringbuf` map. Throws MapError EINVAL for a map of another type, EBADF for a closed one. There is one
 * consumer position: two readers of one map share its records.
 */
export function openRingBuffer(map: MapHandle): RingBuffer {
  if (!(map instanceof HostMap) || map.def.id !== ringbuf.id)
    throw new MapError('EINVAL', map.name, 'openRingBuffer', `the map is of type ${map.type}, not ringbuf`)
  if (map.closed) throw new MapError('EBADF', map.name, 'openRingBuffer', 'the map is closed')
  return new RingBuffer(map)
}

/** Bytes that are copied in less time than a view of them takes to make. */
const MOST_COPIED = 128

/** Bytes that records of one length take one after the other. */
class Short {
  readonly record: Uint8Array
  readonly #words: Uint32Array

  constructor(bytes: number) {
    this.#words = new Uint32Array((bytes + 3) >> 2)
    this.record = new Uint8Array(this.#words.buffer, 0, bytes)
  }

  fill(memory: Uint32Array, at: number): Uint8Array {
    const words = this.#words
    const from = at >>> 2
    for (let n = 0; n < words.length; n++) words[n] = memory[from + n]!
    return this.record
  }
}

/**
 * Records of a ring buffer map. `for await (const record of ring)` gives copies, waits when there are none, and ends when
 * the reader or the map is closed; a slow loop leaves records in the ring, and programs then find no room. As in the
 * kernel, records committed with BPF_RB_NO_WAKEUP wake nobody: they come with the next one, or by `consume`.
 */
export class RingBuffer implements AsyncIterable<Uint8Array> {
  readonly map: HostMap
  readonly #ring: Ring
  readonly #waiter: Waiter
  #short: Short = new Short(0)

  /** Use `openRingBuffer`. */
  constructor(map: HostMap) {
    this.map = map
    this.#ring = new Ring(map.arena, map.arena.view.getUint32(map.address + mapLayout.MAP_DATA, true))
    this.#waiter = new Waiter(map)
  }

  /**
   * Hands the records that are there to `take`, oldest first, at most `limit`, and returns how many. A record is good during
   * the call: a short one is a copy in bytes that the next one takes, a long one a view of the arena. `take` ends the reading
   * by returning false; if it reads the ring itself, it gets nothing.
   */
  consume(take: (record: Uint8Array) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    if (this.closed) return 0
    const ring = this.#ring
    return ring.read((_, at, bytes) => take(this.#bytes(ring, at, bytes)), limit)
  }

  /**
   * As `consume`, and makes no objects: a record is `bytes` bytes of `memory` from `at` on, good during the call. `memory` is
   * the whole arena.
   */
  consumeInPlace(
    take: (memory: DataView, at: number, bytes: number) => unknown,
    limit: number = Number.POSITIVE_INFINITY,
  ): number {
    return this.closed ? 0 : this.#ring.read(take, limit)
  }

  #bytes({ memory }: Ring, at: number, bytes: number): Uint8Array {
    if (bytes > MOST_COPIED) return memory.u8.subarray(at, at + bytes)
    if (bytes !== this.#short.record.length) this.#short = new Short(bytes)
    return this.#short.fill(memory.u32, at)
  }

  /** Bytes between what was read and what programs have reserved (BPF_RB_AVAIL_DATA). */
  get available(): number {
    return this.closed ? 0 : this.#ring.available
  }

  /** How often a program found no room (bpf_ringbuf_reserve gave null, _output -EAGAIN). */
  get lost(): number {
    return this.closed ? 0 : this.#ring.lost
  }

  get closed(): boolean {
    return this.#waiter.closed
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, void, undefined> {
    return new RecordIterator({
      take: () => (this.closed ? undefined : this.#ring.take()),
      wait: () => this.#waiter.wait(),
    })
  }

  /** Ends loops over it; the map stays. */
  close(): void {
    this.#waiter.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
