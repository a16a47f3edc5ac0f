import type { Arena } from '@skep/memory'
import { ringLayout as layout } from '@skep/registry'

const { RECORD_BUSY, RECORD_DISCARDED, RECORD_HEADER, RING_CONSUMER, RING_DATA, RING_PRODUCER } = layout

/** Views of the whole memory. */
interface ArenaViews {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly view: DataView
}

const viewsOf = ({ u8, u32, view }: Arena): ArenaViews => ({ u8, u32, view })

/**
 * Gets the whole memory, where in it a record is, its bytes, and the second word of its header; false ends the reading.
 */
export type TakeRecord = (memory: DataView, at: number, bytes: number, word: number) => unknown

/** A ring's bytes that a record of so many takes. */
export const recordLength = (bytes: number): number => (bytes + RECORD_HEADER + 7) & ~7

/**
 * A ring in the arena (registry's layout/ring.ts), for its end in the host. No ring has more than 2^30 bytes, so the low words
 * of the positions tell how far they are apart and where in the ring they are.
 */
export class Ring {
  readonly address: number
  readonly #arena: Arena
  readonly #shared: boolean
  readonly #mask: number
  /** In shared memory they stay good when it grows: the ring lies inside. */
  #views: ArenaViews
  /** A call of `take` is under way. */
  #reading = false

  constructor(arena: Arena, address: number) {
    this.#arena = arena
    this.#shared = arena.shared
    this.address = address
    this.#mask = arena.view.getUint32(address + layout.RING_MASK, true)
    this.#views = viewsOf(arena)
  }

  /** Good until something allocates. */
  get memory(): ArenaViews {
    if (this.#views.u32.length === 0) this.#views = viewsOf(this.#arena)
    return this.#views
  }

  #load(at: number): number {
    const { u32 } = this.memory
    return this.#shared ? Atomics.load(u32, at >>> 2) : u32[at >>> 2]!
  }

  #store(at: number, value: number): void {
    const { u32 } = this.memory
    if (this.#shared) Atomics.store(u32, at >>> 2, value)
    else u32[at >>> 2] = value
  }

  /** Moves a position on. The other side reads both words at once. */
  #move(at: number, from: number, to: number): void {
    if (to >= from) {
      this.#store(at, to)
      return
    }
    const { u32 } = this.memory
    const position = (BigInt(u32[(at >>> 2) + 1]! + 1) << 32n) | BigInt(to)
    Atomics.store(new BigUint64Array(u32.buffer), at >>> 3, position)
  }

  /** Bytes between what was read and what is reserved. */
  get available(): number {
    return (this.#load(this.address + RING_PRODUCER) - this.#load(this.address + RING_CONSUMER)) >>> 0
  }

  /** Records that found no room; in a perf ring, since the last one that did. */
  get lost(): number {
    return this.#load(this.address + layout.RING_LOST)
  }

  /**
   * Reads committed records in order, up to the first that is still busy; discarded ones are passed over. A record is the
   * producers' again after the call of `take`, also when it throws. Returns how many were taken: none when `take` itself asks.
   */
  read(take: TakeRecord, limit: number): number {
    if (this.#reading) return 0
    const shared = this.#shared
    const mask = this.#mask
    const data = this.address + RING_DATA
    const producer = (this.address + RING_PRODUCER) >>> 2
    const consumer = (this.address + RING_CONSUMER) >>> 2
    const magic = (this.address + layout.RING_MAGIC) >>> 2
    let { u32, view } = this.memory
    let from = this.#load(this.address + RING_CONSUMER)
    let to = from
    let count = 0
    this.#reading = true
    // One `try` for all, and as little as can be for each: its time is the bench's figure.
    try {
      for (let going: unknown = true; going !== false && count < limit; from = to) {
        if (from === (shared ? Atomics.load(u32, producer) : u32[producer])) break
        const record = data + (from & mask)
        const word = shared ? Atomics.load(u32, record >>> 2) : u32[record >>> 2]!
        if (word >= RECORD_BUSY) break
        const bytes = word & ~RECORD_DISCARDED
        to = (from + recordLength(bytes)) >>> 0
        if (word < RECORD_DISCARDED) {
          count++
          going = take(view, record + RECORD_HEADER, bytes, u32[(record >>> 2) + 1]!)
          if (u32.length === 0) ({ u32, view } = this.memory)
          // Whoever took the record may have closed the map.
          if (u32[magic] !== layout.RING_MAGIC_VALUE) going = false
        }
        if (to < from || shared) this.#pass(from, to)
        else if (u32[magic] === layout.RING_MAGIC_VALUE) u32[consumer] = to
      }
    } finally {
      if (from !== to) this.#pass(from, to)
      this.#reading = false
    }
    return count
  }

  /** A copy of the oldest committed record, which is the producers' again; undefined where there is none. As `read` otherwise. */
  take(): Uint8Array | undefined {
    if (this.#reading) return undefined
    let from = this.#load(this.address + RING_CONSUMER)
    while (from !== this.#load(this.address + RING_PRODUCER)) {
      const at = this.address + RING_DATA + (from & this.#mask) + RECORD_HEADER
      const word = this.#load(at - RECORD_HEADER)
      if (word >= RECORD_BUSY) return undefined
      const bytes = word & ~RECORD_DISCARDED
      const to = (from + recordLength(bytes)) >>> 0
      const record = word < RECORD_DISCARDED ? this.memory.u8.slice(at, at + bytes) : undefined
      this.#move(this.address + RING_CONSUMER, from, to)
      if (record) return record
      from = to
    }
    return undefined
  }

  /** Gives records back to the producers. */
  #pass(from: number, to: number): void {
    if (this.#load(this.address + layout.RING_MAGIC) === layout.RING_MAGIC_VALUE)
      this.#move(this.address + RING_CONSUMER, from, to)
  }

  /** Room for a record, which is busy; the address of its header, or -1 where there is not enough. */
  claim(bytes: number): number {
    const length = recordLength(bytes)
    const from = this.#load(this.address + RING_PRODUCER)
    const used = (from - this.#load(this.address + RING_CONSUMER)) >>> 0
    if (length > this.#mask + 1 - used) return -1
    const header = this.address + RING_DATA + (from & this.#mask)
    this.memory.u32[(header >>> 2) + 1] = 0
    this.#store(header, (bytes | RECORD_BUSY) >>> 0)
    this.#move(this.address + RING_PRODUCER, from, (from + length) >>> 0)
    return header
  }

  /** Ends a record that was claimed. */
  commit(header: number, bytes: number, discard: boolean): void {
    this.#store(header, discard ? (bytes | RECORD_DISCARDED) >>> 0 : bytes)
  }
}
