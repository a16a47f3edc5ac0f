import type { MapHandle } from '@skep/registry'
import { mapLayout, ringLayout } from '@skep/registry'
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
  if (map.openRing && map.type === 'ringbuf') return map.openRing() as RingBuffer
  if (!(map instanceof HostMap) || map.def.id !== ringbuf.id)
    throw new MapError('EINVAL', map.name, 'openRingBuffer', `the map is of type ${map.type}, not ringbuf`)
  if (map.closed) throw new MapError('EBADF', map.name, 'openRingBuffer', 'the map is closed')
  return new RingBuffer(map)
}

/** Records that lie in the ring, all at once: good during the call that gets them. */
export class RecordBatch {
  readonly #ring: Ring
  readonly #found: number
  #words: Uint32Array
  #length = 0

  /** Use `RingBuffer.consumeBatches`. */
  constructor(ring: Ring) {
    this.#ring = ring
    this.#found = (ring.address + ringLayout.RING_FOUND) >>> 2
    this.#words = ring.memory.u32
  }

  /** As many have been found. */
  fill(found: number): this {
    this.#words = this.#ring.memory.u32
    this.#length = found
    return this
  }

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  /** The whole arena, good until something allocates. */
  get memory(): DataView {
    return this.#ring.memory.view
  }

  /** Where in `memory` record `n` begins. */
  at(n: number): number {
    // A view of memory that has grown has no elements.
    return this.#words[this.#found + 2 * n] ?? this.#ring.memory.u32[this.#found + 2 * n]!
  }

  /** Bytes of record `n`. */
  size(n: number): number {
    return this.#words[this.#found + 2 * n + 1] ?? this.#ring.memory.u32[this.#found + 2 * n + 1]!
  }

  /** A view of record `n`. */
  record(n: number): Uint8Array {
    const at = this.at(n)
    return this.#ring.memory.u8.subarray(at, at + this.size(n))
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
  readonly #batch: RecordBatch
  readonly #find: (most: number) => number
  readonly #pass: () => void

  /** Use `openRingBuffer`. */
  constructor(map: HostMap) {
    this.map = map
    this.#ring = new Ring(map.arena, map.arena.view.getUint32(map.address + mapLayout.MAP_DATA, true))
    this.#waiter = new Waiter(map)
    this.#batch = new RecordBatch(this.#ring)
    const [find, pass] = [map.operation('find')!, map.operation('pass')!]
    this.#find = (most) => find(map.address, most)
    this.#pass = () => void pass(map.address)
  }

  /**
   * Hands the records that are there to `take`, oldest first, at most `limit`, and returns how many. A record is good during
   * the call: a short one is a copy in bytes that the next one takes, a long one a view of the arena. `take` ends the reading
   * by returning false; if it reads the ring itself, it gets nothing.
   */
  consume(take: (record: Uint8Array) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    if (this.closed) return 0
    return this.#ring.read(undefined, take, limit)
  }

  /**
   * As `consume`, and makes no objects: a record is `bytes` bytes of `memory` from `at` on, good during the call. `memory` is
   * the whole arena.
   */
  consumeInPlace(
    take: (memory: DataView, at: number, bytes: number) => unknown,
    limit: number = Number.POSITIVE_INFINITY,
  ): number {
    return this.closed ? 0 : this.#ring.read(take, undefined, limit)
  }

  /**
   * The least for each record: hands over as many as are there, hundreds at a time, at most `limit` in all, and returns how
   * many. They are the producers' again after the call of `take`, which ends the reading by returning false.
   *
   *     ring.consumeBatches((batch) => {
   *       const { memory, length } = batch
   *       for (let n = 0; n < length; n++) sum += memory.getUint32(batch.at(n), true)
   *     })
   */
  consumeBatches(take: (batch: RecordBatch) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    if (this.closed) return 0
    const batch = this.#batch
    return this.#ring.readMany(this.#find, (found) => take(batch.fill(found)), this.#pass, limit)
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
