import type { Arena } from '@skep/memory'
import { ringLayout as layout } from '@skep/registry'

const { RECORD_BUSY, RECORD_DISCARDED, RECORD_HEADER, RING_CONSUMER, RING_DATA, RING_PRODUCER } = layout

/** Views of the whole memory. */
export interface ArenaViews {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly view: DataView
}

const viewsOf = ({ u8, u32, view }: Arena): ArenaViews => ({ u8, u32, view })

/** Gets where a record is, its bytes, and the second word of its header; false ends the reading. */
export type TakeRecord = (memory: ArenaViews, at: number, bytes: number, word: number) => boolean

/**
 * The consumer's side of a ring in the arena (registry's layout/ring.ts). No ring has more than 2^30 bytes, so the low words of
 * the positions tell how far they are apart and where in the ring they are.
 */
export class Ring {
  readonly address: number
  readonly #arena: Arena
  readonly #shared: boolean
  readonly #mask: number
  /** A call of `take` is under way. */
  #reading = false
  /** In shared memory they stay good when it grows: the ring lies inside. */
  #views: ArenaViews

  constructor(arena: Arena, address: number) {
    this.#arena = arena
    this.#shared = arena.shared
    this.address = address
    this.#mask = arena.view.getUint32(address + layout.RING_MASK, true)
    this.#views = viewsOf(arena)
  }

  #fresh(): ArenaViews {
    if (this.#views.u32.length === 0) this.#views = viewsOf(this.#arena)
    return this.#views
  }

  #word(offset: number): number {
    const { u32 } = this.#fresh()
    const word = (this.address + offset) >>> 2
    return this.#shared ? Atomics.load(u32, word) : u32[word]!
  }

  /** Moves the consumer's position on; false when whoever took the record closed the map. */
  #consume(low: number, next: number): boolean {
    const { u32 } = this.#fresh()
    if (u32[(this.address + layout.RING_MAGIC) >>> 2] !== layout.RING_MAGIC_VALUE) return false
    const word = (this.address + RING_CONSUMER) >>> 2
    if (next < low) {
      // Past a multiple of 2^32. Producers read both words at once.
      const position = (BigInt(u32[word + 1]! + 1) << 32n) | BigInt(next)
      Atomics.store(new BigUint64Array(u32.buffer), word >>> 1, position)
    } else if (this.#shared) {
      Atomics.store(u32, word, next)
    } else {
      u32[word] = next
    }
    return true
  }

  /** Bytes between what was read and what is reserved. */
  get available(): number {
    return (this.#word(RING_PRODUCER) - this.#word(RING_CONSUMER)) >>> 0
  }

  /** Records that found no room; in a perf ring, since the last one that did. */
  get lost(): number {
    return this.#word(layout.RING_LOST)
  }

  /**
   * Reads committed samples in order, up to the first that is still busy; discarded ones are passed over. The record is the
   * producers' again after the call of `take`, also when it throws. Returns how many samples were taken: none
   * when `take` itself asks.
   */
  read(take: TakeRecord, limit: number): number {
    if (this.#reading) return 0
    const shared = this.#shared
    const mask = this.#mask
    const data = this.address + RING_DATA
    const producer = (this.address + RING_PRODUCER) >>> 2
    let low = this.#word(RING_CONSUMER)
    let next = low
    let count = 0
    this.#reading = true
    // One `try` for all: one for each record takes as long as the rest.
    try {
      for (let going = true; going && count < limit; low = next) {
        const views = this.#fresh()
        const { u32 } = views
        if (low === (shared ? Atomics.load(u32, producer) : u32[producer])) break
        const record = data + (low & mask)
        const word = shared ? Atomics.load(u32, record >>> 2) : u32[record >>> 2]!
        if (word >= RECORD_BUSY) break
        const bytes = word & ~RECORD_DISCARDED
        next = (low + ((bytes + RECORD_HEADER + 7) & ~7)) >>> 0
        if (word < RECORD_DISCARDED) {
          count++
          going = take(views, record + RECORD_HEADER, bytes, u32[(record >>> 2) + 1]!)
        }
        going = this.#consume(low, next) && going
      }
    } finally {
      this.#reading = false
      if (next !== low) this.#consume(low, next)
    }
    return count
  }
}
