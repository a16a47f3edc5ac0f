import type { Arena } from '@skep/memory'
import { ringLayout as layout } from '@skep/registry'

const { RECORD_BUSY, RECORD_DISCARDED, RECORD_HEADER, RING_CONSUMER, RING_DATA, RING_PRODUCER } = layout

/** The consumer's side of a ring in the arena (registry's layout/ring.ts). */
export class Ring {
  readonly address: number
  readonly #arena: Arena
  readonly #mask: number

  constructor(arena: Arena, address: number) {
    this.#arena = arena
    this.address = address
    this.#mask = arena.view.getUint32(address + layout.RING_MASK, true)
  }

  /** Positions are exact up to 2^53 bytes. */
  #position(at: number): number {
    if (this.#arena.shared)
      return Number(Atomics.load(new BigUint64Array(this.#arena.memory.buffer), (this.address + at) >> 3))
    const { u32 } = this.#arena
    const word = (this.address + at) >> 2
    return u32[word + 1]! * 2 ** 32 + u32[word]!
  }

  #consume(position: number): void {
    // Whoever took the record may have closed the map.
    if (this.#arena.u32[(this.address + layout.RING_MAGIC) >> 2] !== layout.RING_MAGIC_VALUE) return
    if (this.#arena.shared) {
      const words = new BigUint64Array(this.#arena.memory.buffer)
      Atomics.store(words, (this.address + RING_CONSUMER) >> 3, BigInt(position))
      return
    }
    const { u32 } = this.#arena
    const word = (this.address + RING_CONSUMER) >> 2
    u32[word] = position
    u32[word + 1] = Math.floor(position / 2 ** 32)
  }

  /** Bytes between what was read and what is reserved. */
  get available(): number {
    return this.#position(RING_PRODUCER) - this.#position(RING_CONSUMER)
  }

  /** Records that found no room; in a perf ring, since the last one that did. */
  get lost(): number {
    return this.#arena.u32[(this.address + layout.RING_LOST) >> 2]!
  }

  /**
   * Reads committed samples in order, up to the first that is still busy; discarded ones are passed over. `take` gets the
   * sample's address and bytes and the second word of its header; the record is the producers' again after the call,
   * also when it throws. False ends the reading. Returns how many samples were taken.
   */
  read(take: (at: number, bytes: number, word: number) => boolean, limit: number): number {
    let position = this.#position(RING_CONSUMER)
    let count = 0
    while (count < limit && position < this.#position(RING_PRODUCER)) {
      const record = this.address + RING_DATA + (position % (this.#mask + 1))
      const word = this.#arena.shared
        ? Atomics.load(this.#arena.u32, record >> 2)
        : this.#arena.u32[record >> 2]!
      if (word & RECORD_BUSY) break
      const bytes = (word & ~RECORD_DISCARDED) >>> 0
      position += (bytes + RECORD_HEADER + 7) & ~7
      if (word & RECORD_DISCARDED) {
        this.#consume(position)
        continue
      }
      count++
      try {
        if (!take(record + RECORD_HEADER, bytes, this.#arena.u32[(record >> 2) + 1]!)) break
      } finally {
        this.#consume(position)
      }
    }
    return count
  }
}
