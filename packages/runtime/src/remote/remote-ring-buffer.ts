import type { HostMap, RecordBatch, RingBuffer } from '@skep/maps'
import type { RemoteRing } from '@skep/registry'

/** Records that are found in one go. */
const MOST_FOUND = 504

/** Records of a ring that lies outside of the arena; see `RingBuffer` of @skep/maps. */
export class RemoteRingBuffer implements Pick<RingBuffer, keyof RingBuffer> {
  readonly map: HostMap
  readonly #ring: RemoteRing
  #closed = false
  #reading = false

  constructor(map: HostMap, ring: RemoteRing) {
    this.map = map
    this.#ring = ring
  }

  consume(take: (record: Uint8Array) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    return this.consumeInPlace((memory, at, bytes) => take(bytesOf(memory, at, bytes)), limit)
  }

  consumeInPlace(
    take: (memory: DataView, at: number, bytes: number) => unknown,
    limit: number = Number.POSITIVE_INFINITY,
  ): number {
    if (this.#closed || this.#reading) return 0
    this.#reading = true
    const { memory } = this.#ring
    try {
      return this.#ring.read((at, bytes) => !this.#closed && take(memory, at, bytes), limit)
    } finally {
      this.#reading = false
      if (this.#closed) this.#ring.close()
    }
  }

  consumeBatches(take: (batch: RecordBatch) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    let count = 0
    for (let going: unknown = true; going !== false && count < limit; ) {
      // Copied: the ring's records are the producers' again when they are read.
      const records: Uint8Array[] = []
      const most = Math.min(limit - count, MOST_FOUND)
      this.consume((record) => void records.push(record.slice()), most)
      if (records.length === 0) break
      count += records.length
      going = take(new Copies(records) as unknown as RecordBatch)
    }
    return count
  }

  get available(): number {
    return this.#closed ? 0 : this.#ring.available
  }

  /** The kernel does not count them. */
  get lost(): number {
    return Number.NaN
  }

  get closed(): boolean {
    return this.#closed
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.#closed) {
      let record: Uint8Array | undefined
      this.consume((bytes) => {
        record = bytes.slice()
      }, 1)
      if (record) yield record
      else await this.#ring.wait()
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (!this.#reading) this.#ring.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

const bytesOf = (memory: DataView, at: number, bytes: number): Uint8Array =>
  new Uint8Array(memory.buffer, memory.byteOffset + at, bytes)

/** A batch of records that lie one after another in a block of their own. */
class Copies implements Pick<RecordBatch, keyof RecordBatch> {
  readonly memory: DataView
  readonly #records: readonly Uint8Array[]
  readonly #places: readonly number[]

  constructor(records: readonly Uint8Array[]) {
    const places: number[] = []
    let end = 0
    for (const { length } of records) {
      places.push(end)
      end += (length + 7) & ~7
    }
    const block = new Uint8Array(end)
    for (const [n, record] of records.entries()) block.set(record, places[n]!)
    this.memory = new DataView(block.buffer)
    this.#records = records
    this.#places = places
  }

  get length(): number {
    return this.#records.length
  }

  /** The batch is full as it is made. */
  fill(): RecordBatch {
    return this as unknown as RecordBatch
  }

  at(n: number): number {
    return this.#places[n]!
  }

  size(n: number): number {
    return this.#records[n]!.length
  }

  record(n: number): Uint8Array {
    return bytesOf(this.memory, this.at(n), this.size(n))
  }
}
