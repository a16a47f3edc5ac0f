import type { PacketRecord } from './record.ts'

/** Takes packets out of a scanner. */
export interface PacketSink {
  /**
   * The packet bytes[offset, offset + length). False if there is no room for it: then nothing has changed, and the same
   * packet will come again.
   */
  add(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanos: number,
    interfaceId: number,
  ): boolean
}

/** One element for each packet; all of the same length. A caller may lay them into memory that it shares with wasm. */
export interface PacketTables {
  /** Where the packet begins in the batch's buffer. */
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly originalLengths: Uint32Array
  readonly seconds: Float64Array
  readonly nanos: Uint32Array
  readonly interfaceIds: Uint32Array
}

export interface PacketBatchOptions {
  /** Where packets lie, perhaps a view of a whole WebAssembly memory; 1 MiB of its own by default. */
  readonly buffer?: Uint8Array
  /** New views of the same memory, asked for when it has grown and `buffer` is detached, also while a device fills the batch. */
  readonly renew?: () => Uint8Array
  /** The part of `buffer` that the batch may use; all of it by default. */
  readonly start?: number
  readonly end?: number
  /** The most packets, 1,024 by default; with `tables`, the length of these. */
  readonly capacity?: number
  readonly tables?: PacketTables
  /** Bytes kept free before and after each packet; 0 by default. */
  readonly headroom?: number
  readonly tailroom?: number
  /** The least bytes from one packet's headroom to the next one's; 0 by default. */
  readonly frameSize?: number
  /** A power of two that each packet's headroom begins at a multiple of; 1 by default. */
  readonly align?: number
}

/** Enough for a copy to be cheap, and not too much to be copied in vain when the batch is full before. */
const STAGED_AT_ONCE = 1 << 16

/** Tables for `capacity` packets. */
export const createTables = (capacity: number): PacketTables => ({
  offsets: new Uint32Array(capacity),
  lengths: new Uint32Array(capacity),
  originalLengths: new Uint32Array(capacity),
  seconds: new Float64Array(capacity),
  nanos: new Uint32Array(capacity),
  interfaceIds: new Uint32Array(capacity),
})

/**
 * A run of packets in one buffer, without an object for each: packet i is buffer[offsets[i], offsets[i] + lengths[i]).
 * It is made once and filled again and again.
 */
export class PacketBatch implements PacketSink {
  /** How many packets there are. */
  count = 0
  readonly capacity: number
  readonly headroom: number
  readonly tailroom: number
  readonly frameSize: number
  readonly align: number
  readonly start: number
  readonly end: number
  #buffer: Uint8Array
  #tables: PacketTables
  readonly #renew: (() => Uint8Array) | undefined
  /** Nothing lies between packets, so that raw records can stay where they are. */
  readonly #dense: boolean
  /** Where the next frame may begin. */
  #top: number
  /** The raw records that `stage` brought in. */
  #stagedFrom = 0
  #stagedTo = 0
  #metadata: Uint32Array | undefined
  #hasMetadata = false

  constructor(options: PacketBatchOptions = {}) {
    this.#buffer = options.buffer ?? new Uint8Array(1 << 20)
    this.#renew = options.renew
    this.#tables = options.tables ?? createTables(options.capacity ?? 1024)
    this.capacity = this.#tables.offsets.length
    this.start = options.start ?? 0
    this.end = options.end ?? this.#buffer.length
    this.headroom = options.headroom ?? 0
    this.tailroom = options.tailroom ?? 0
    this.frameSize = options.frameSize ?? 0
    this.align = options.align ?? 1
    this.#dense = this.headroom === 0 && this.tailroom === 0 && this.frameSize === 0 && this.align === 1
    this.#top = this.start
    const { start, end, align, capacity } = this
    if (!(start >= 0 && start <= end && end <= this.#buffer.length)) {
      throw new RangeError(
        `the part from ${start} to ${end} is not in the buffer's ${this.#buffer.length} bytes`,
      )
    }
    if (!(align > 0 && (align & (align - 1)) === 0)) throw new RangeError(`align ${align} is no power of two`)
    if (!(capacity > 0)) throw new RangeError('a batch needs room for one packet at least')
  }

  /** The bytes that `offsets` refer to. */
  get buffer(): Uint8Array {
    this.#refresh()
    return this.#buffer
  }

  /** A view of a memory that has grown has no bytes left. */
  #refresh(): void {
    if (this.#buffer.length === 0 && this.#renew) this.#buffer = this.#renew()
  }

  get tables(): PacketTables {
    return this.#tables
  }

  /** Gives new views of the same bytes, as is needed when a WebAssembly memory has grown. */
  rebase(buffer: Uint8Array, tables: PacketTables = this.#tables): void {
    this.#buffer = buffer
    this.#tables = tables
  }

  /** Forgets all packets. */
  clear(): void {
    this.count = 0
    this.#top = this.start
    this.#stagedFrom = this.#stagedTo = 0
    this.#hasMetadata = false
  }

  /** Bytes right before packet `i` that an XDP program left for whoever takes it (data_meta); 0 of most packets. */
  metadata(i: number): number {
    return this.#hasMetadata ? this.#metadata![i]! : 0
  }

  setMetadata(i: number, length: number): void {
    if (!this.#hasMetadata) {
      if (length === 0) return
      this.#metadata ??= new Uint32Array(this.capacity)
      this.#metadata.fill(0)
      this.#hasMetadata = true
    }
    this.#metadata![i] = length
  }

  add(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number = length,
    seconds = 0,
    nanos = 0,
    interfaceId = 0,
  ): boolean {
    const n = this.count
    if (n === this.capacity) return false
    this.#refresh()
    const staged = bytes === this.#buffer && offset >= this.#stagedFrom && offset + length <= this.#stagedTo
    let at = offset
    if (!staged || !this.#dense) {
      const frame = (this.#top + this.align - 1) & -this.align
      at = frame + this.headroom
      const next = Math.max(at + length + this.tailroom, frame + this.frameSize)
      // Staged records lie in the end of the batch's own part: those not yet taken must not be overwritten.
      if (next > (staged ? offset : this.end)) return false
      if (bytes === this.#buffer) bytes.copyWithin(at, offset, offset + length)
      else this.#buffer.set(bytes.subarray(offset, offset + length), at)
      this.#top = next
    }
    const tables = this.#tables
    tables.offsets[n] = at
    tables.lengths[n] = length
    tables.originalLengths[n] = originalLength
    tables.seconds[n] = seconds
    tables.nanos[n] = nanos
    tables.interfaceIds[n] = interfaceId
    this.count = n + 1
    return true
  }

  /**
   * Copies raw records into the batch in one piece, which is cheaper than packet by packet, and answers where they lie.
   * A scanner then finds the packets in them and adds these: without room between packets they stay where they are, else
   * they move to their frames. `unstage` ends it.
   */
  stage(bytes: Uint8Array, from: number, to: number): { readonly from: number; readonly to: number } {
    this.#refresh()
    const room = this.end - this.#top
    const size = Math.min(to - from, this.#dense ? room : Math.min(STAGED_AT_ONCE, room >> 1))
    const at = this.#dense ? this.#top : this.end - size
    this.#buffer.set(bytes.subarray(from, from + size), at)
    this.#stagedFrom = at
    this.#stagedTo = at + size
    return { from: at, to: at + size }
  }

  /** Ends the staging of records, of which the first `used` bytes were used. */
  unstage(used: number): void {
    if (this.#dense) this.#top = this.#stagedFrom + used
    this.#stagedFrom = this.#stagedTo = 0
  }

  /** Packet `i`, as a view of the buffer. */
  packet(i: number): Uint8Array {
    if (!(i >= 0 && i < this.count)) throw new RangeError(`packet ${i} of ${this.count}`)
    this.#refresh()
    const offset = this.#tables.offsets[i]!
    return this.#buffer.subarray(offset, offset + this.#tables.lengths[i]!)
  }

  /** Packet `i` with what is known of it; `data` is a view of the buffer. */
  record(i: number, linkType: number): PacketRecord {
    const { originalLengths, seconds, nanos, interfaceIds } = this.#tables
    return {
      data: this.packet(i),
      seconds: seconds[i]!,
      nanos: nanos[i]!,
      originalLength: originalLengths[i]!,
      interfaceId: interfaceIds[i]!,
      linkType,
    }
  }

  /** Adds a packet of its own, and answers false if there is no room for it. */
  push(data: Uint8Array, about: Partial<Omit<PacketRecord, 'data' | 'linkType'>> = {}): boolean {
    const { originalLength = data.length, seconds = 0, nanos = 0, interfaceId = 0 } = about
    return this.add(data, 0, data.length, originalLength, seconds, nanos, interfaceId)
  }

  /** Leaves only the packets that `wanted` answers true for; their bytes stay where they are. */
  keep(wanted: (i: number) => boolean): void {
    const { offsets, lengths, originalLengths, seconds, nanos, interfaceIds } = this.#tables
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (!wanted(i)) continue
      for (const table of [offsets, lengths, originalLengths, seconds, nanos, interfaceIds])
        table[kept] = table[i]!
      if (this.#hasMetadata) this.#metadata![kept] = this.#metadata![i]!
      kept++
    }
    this.count = kept
  }

  /** The packets, as views of the buffer. */
  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (let i = 0; i < this.count; i++) yield this.packet(i)
  }
}
