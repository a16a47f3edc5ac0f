import type { Arena } from '@skep/memory'
import { ringLayout as layout } from '@skep/registry'

/** RECORD_BUSY and RECORD_DISCARDED are the other bits of a header's first word. */
const LENGTH = 0x3fff_ffff
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

/** Bytes that are copied in less time than a view of them takes to make. */
const MOST_COPIED = 128

/** Bytes that records of one length take one after the other. */
class Short {
  readonly bytes: number
  readonly record: Uint8Array
  readonly #words: Uint32Array

  constructor(bytes: number) {
    this.bytes = bytes
    this.#words = new Uint32Array(((bytes + 15) >> 4) << 2)
    this.record = new Uint8Array(this.#words.buffer, 0, bytes)
  }

  /** Four words at a time: what lies behind the record does not show, and is in the ring. */
  fill(memory: Uint32Array, from: number): Uint8Array {
    const words = this.#words
    for (let n = 0; n < words.length; n += 4) {
      words[n] = memory[from + n]!
      words[n + 1] = memory[from + n + 1]!
      words[n + 2] = memory[from + n + 2]!
      words[n + 3] = memory[from + n + 3]!
    }
    return this.record
  }
}

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
  #short: Short = new Short(0)

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
   * producers' again after the call of `inPlace`, also when it throws, or else of `take`, which gets bytes that the next record
   * takes where they are few. Returns how many were taken: none when the call itself asks.
   */
  read(
    inPlace: TakeRecord | undefined,
    take: ((record: Uint8Array) => unknown) | undefined,
    limit: number,
  ): number {
    if (this.#reading) return 0
    const shared = this.#shared
    const mask = this.#mask
    const data = (this.address + RING_DATA) | 0
    const producer = (this.address + RING_PRODUCER) >>> 2
    const consumer = (this.address + RING_CONSUMER) >>> 2
    const magic = (this.address + layout.RING_MAGIC) >>> 2
    let { u32, view } = this.memory
    // Positions, addresses and header words are signed here, and constants of more than 31 bits are tests of bits: as doubles
    // all this takes three times as long.
    let from = this.#load(this.address + RING_CONSUMER) | 0
    let to = from
    let count = 0
    this.#reading = true
    // One `try` for all, and as little as can be for each: its time is the bench's figure.
    try {
      while (count < limit) {
        if (from === ((shared ? Atomics.load(u32, producer) : u32[producer]!) | 0)) break
        const record = (data + (from & mask)) | 0
        const word = (shared ? Atomics.load(u32, record >>> 2) : u32[record >>> 2]!) | 0
        // RECORD_BUSY
        if (word < 0) break
        const bytes = word & LENGTH
        to = (from + ((bytes + (RECORD_HEADER + 7)) & ~7)) | 0
        let going: unknown
        if (word === bytes) {
          count++
          const at = (record + RECORD_HEADER) >>> 0
          // Each has a call of its own: one for both could be inlined for neither.
          if (inPlace) going = inPlace(view, at, bytes, u32[(record >>> 2) + 1]!)
          else going = take!(bytes > MOST_COPIED ? this.#view(at, bytes) : this.#copy(u32, at, bytes))
          if (u32.length === 0) ({ u32, view } = this.memory)
          // Whoever took the record may have closed the map.
          if (u32[magic] !== layout.RING_MAGIC_VALUE) going = false
        }
        if (shared || from < 0 !== to < 0) this.#pass(from >>> 0, to >>> 0)
        else if (going !== false || u32[magic] === layout.RING_MAGIC_VALUE) u32[consumer] = to
        from = to
        if (going === false) break
      }
    } finally {
      if (from !== to) this.#pass(from >>> 0, to >>> 0)
      this.#reading = false
    }
    return count
  }

  #view(at: number, bytes: number): Uint8Array {
    return this.memory.u8.subarray(at, at + bytes)
  }

  #copy(u32: Uint32Array, at: number, bytes: number): Uint8Array {
    if (this.#short.bytes !== bytes) this.#short = new Short(bytes)
    return this.#short.fill(u32, at >>> 2)
  }

  /**
   * The same many at a time: `find` notes up to so many in the ring (layout/ring.ts) and says how many, `take` gets that number,
   * and `pass` gives them all back, also when it throws.
   */
  readMany(
    find: (most: number) => number,
    take: (found: number) => unknown,
    pass: () => void,
    limit: number,
  ): number {
    if (this.#reading) return 0
    this.#reading = true
    let count = 0
    let found = 0
    try {
      for (let going: unknown = true; going !== false && count < limit; ) {
        found = find(Math.min(limit - count, layout.RING_MOST_FOUND))
        if (found > 0) going = take(found)
        if (!this.#open) break
        // Without any, those before the next one were discarded.
        pass()
        if (found === 0) break
        count += found
        found = 0
      }
    } finally {
      if (found > 0 && this.#open) pass()
      this.#reading = false
    }
    return count + found
  }

  /** The map has not been closed meanwhile. */
  get #open(): boolean {
    return this.memory.u32[(this.address + layout.RING_MAGIC) >>> 2] === layout.RING_MAGIC_VALUE
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
    if (this.#open) this.#move(this.address + RING_CONSUMER, from, to)
  }

  /** How many records of so many bytes there is room for. */
  roomFor(bytes: number): number {
    return Math.floor((this.#mask + 1 - this.available) / recordLength(bytes))
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

  /** Writes a record; false where there is no room. */
  write(record: Uint8Array): boolean {
    const { length } = record
    const { u8, u32 } = this.memory
    const shared = this.#shared
    const producer = (this.address + RING_PRODUCER) >>> 2
    const consumer = (this.address + RING_CONSUMER) >>> 2
    const from = u32[producer]! | 0
    const read = (shared ? Atomics.load(u32, consumer) : u32[consumer]!) | 0
    const whole = recordLength(length)
    // As in `read`, positions are signed.
    if (((from - read) | 0) + whole > this.#mask + 1) return false
    const header = (((this.address + RING_DATA) | 0) + (from & this.#mask)) | 0
    u8.set(record, (header + RECORD_HEADER) >>> 0)
    u32[header >>> 2] = length
    u32[(header >>> 2) + 1] = 0
    const to = (from + whole) | 0
    if (shared || from < 0 !== to < 0) this.#move(this.address + RING_PRODUCER, from >>> 0, to >>> 0)
    else u32[producer] = to
    return true
  }

  /**
   * Writes `count` records of so many bytes, for which there is room: `fill` gets the whole memory, where one goes, and its
   * number. Nobody sees any of them before it returns; when `fill` throws, those before are written.
   */
  writeMany(bytes: number, count: number, fill: (memory: DataView, at: number, n: number) => unknown): void {
    const length = recordLength(bytes)
    const mask = this.#mask
    const data = (this.address + RING_DATA) | 0
    const magic = (this.address + layout.RING_MAGIC) >>> 2
    const from = this.#load(this.address + RING_PRODUCER) | 0
    let to = from
    let { u32, view } = this.memory
    try {
      for (let n = 0; n < count; n++) {
        const header = (data + (to & mask)) | 0
        fill(view, (header + RECORD_HEADER) >>> 0, n)
        if (u32.length === 0) ({ u32, view } = this.memory)
        // Whoever fills it may have closed the map.
        if (u32[magic] !== layout.RING_MAGIC_VALUE) return
        u32[header >>> 2] = bytes
        u32[(header >>> 2) + 1] = 0
        to = (to + length) | 0
      }
    } finally {
      if (to !== from && this.#open) this.#move(this.address + RING_PRODUCER, from >>> 0, to >>> 0)
    }
  }
}
