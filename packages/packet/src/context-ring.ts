import { PacketBatch } from './batch.ts'
import type { PumpMemory } from './capture-pump.ts'
import type { PumpRing } from './device-pump.ts'

export interface ContextRingOptions {
  /** The most packets. */
  readonly capacity: number
  /** Bytes of a context, and of what lies before it: multiples of 16 together. */
  readonly contextSize: number
  readonly headerSize: number
  /** Bytes kept free before and after each packet, and the least bytes that a packet takes with them. */
  readonly headroom: number
  readonly tailroom?: number
  readonly frameSize?: number
}

/** What a packet takes where its frame has no least size. */
const USUAL_PACKET = 2048
/** A packet larger than usual still fits a batch of its own. */
const LEAST_ROOM = 1 << 19

/** Packets, their contexts and their verdicts in one block of a runtime's memory, written once and read in place. */
export class ContextRing implements PumpRing {
  readonly batch: PacketBatch
  /** Addresses of the contexts (u32 each) and of the verdicts. */
  readonly contexts: number
  readonly results: number
  readonly #memory: PumpMemory
  readonly #options: ContextRingOptions
  readonly #block: number
  readonly #first: number
  readonly #start: number
  readonly #end: number
  readonly #outgoing: PacketBatch[] = []
  #freed = false

  constructor(memory: PumpMemory, options: ContextRingOptions) {
    const { capacity, contextSize, headerSize, headroom, tailroom = 0, frameSize = 0 } = options
    this.#memory = memory
    this.#options = options
    const contextBytes = (headerSize + contextSize) * capacity
    const frame = Math.max(frameSize, frameSize === 0 ? headroom + USUAL_PACKET + tailroom : 0)
    const packetBytes = Math.max(capacity * frame, LEAST_ROOM)
    this.#block = memory.alloc(8 * capacity + contextBytes + packetBytes, 64)
    this.contexts = this.#block
    this.results = this.contexts + 4 * capacity
    this.#first = this.results + 4 * capacity + headerSize
    this.#start = this.results + 4 * capacity + contextBytes
    this.#end = this.#start + packetBytes
    for (let i = 0; i < capacity; i++) memory.u32[(this.contexts >> 2) + i] = this.context(i)
    this.batch = new PacketBatch({
      buffer: memory.u8,
      renew: () => memory.u8,
      start: this.#start,
      end: this.#end,
      capacity,
      headroom,
      tailroom,
      frameSize,
      align: 16,
    })
  }

  context(index: number): number {
    return this.#first + index * (this.#options.headerSize + this.#options.contextSize)
  }

  /** As the program returned it, unsigned. */
  verdict(index: number): number {
    return this.#memory.u32[(this.results >> 2) + index]!
  }

  refresh(): void {
    const { u8 } = this.#memory
    if (this.batch.buffer === u8) return
    this.batch.rebase(u8)
    for (const batch of this.#outgoing) batch.rebase(u8)
  }

  /** The `index`-th batch for packets that leave, empty; their bytes stay where they lie. */
  outgoing(index: number): PacketBatch {
    let batch = this.#outgoing[index]
    if (!batch) {
      batch = new PacketBatch({
        buffer: this.#memory.u8,
        renew: () => this.#memory.u8,
        start: this.#start,
        end: this.#end,
        capacity: this.#options.capacity,
      })
      this.#outgoing.push(batch)
    }
    batch.clear()
    return batch
  }

  /** Adds a packet, as a program left it at an address of the memory, to an outgoing batch, with so many bytes of metadata. */
  forward(index: number, to: PacketBatch, data: number, length: number, metadata = 0): void {
    const from = this.batch.tables
    const n = to.count++
    to.tables.offsets[n] = data
    to.tables.lengths[n] = length
    to.tables.originalLengths[n] = length
    to.tables.seconds[n] = from.seconds[index]!
    to.tables.nanos[n] = from.nanos[index]!
    to.tables.interfaceIds[n] = from.interfaceIds[index]!
    to.setMetadata(n, metadata)
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#memory.free(this.#block)
  }
}
