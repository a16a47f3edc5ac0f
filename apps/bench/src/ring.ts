import { control, type RuntimeHost, xdpLayout } from '@skep/runtime'
import { BenchError } from './errors.ts'
import { mixedKinds } from './packets.ts'
import { Random } from './random.ts'
import type { RingName } from './subject.ts'

/** Packets in one batch. */
export const RING_BATCH = 16_384
const PACKET_SIZE = 64
/** Run header, context and packet: 128 bytes, two lines of the cache. */
const SLOT = control.RUN_HEADER_SIZE + xdpLayout.XDP_CONTEXT_SIZE + PACKET_SIZE
/** One batch is 2 MiB; 32 of them are more than any cache holds. */
const COLD_BATCHES = 32

/** Packets in the arena with their contexts, one behind the other, as batches of XDP contexts. */
export class Ring {
  readonly #arena: RuntimeHost['arena']
  readonly #kinds: Uint8Array
  readonly #contexts: number
  readonly #results: number
  readonly #batches: number
  #next = 0

  constructor(arena: RuntimeHost['arena'], name: RingName) {
    const [traffic, temperature] = name.split('-')
    this.#arena = arena
    this.#batches = temperature === 'cold' ? COLD_BATCHES : 1
    const count = RING_BATCH * this.#batches
    const random = new Random(11)
    this.#kinds = Uint8Array.from({ length: count }, () =>
      traffic === 'mixed' ? random.below(mixedKinds.length) : 0,
    )
    this.#contexts = arena.alloc(4 * count)
    this.#results = arena.alloc(4 * RING_BATCH)
    const slots = arena.alloc(count * SLOT, 128)
    for (let i = 0; i < count; i++) {
      const context = slots + i * SLOT + control.RUN_HEADER_SIZE
      const data = context + xdpLayout.XDP_CONTEXT_SIZE
      const dataEnd = data + PACKET_SIZE
      arena.u8.set(mixedKinds[this.#kinds[i]!]!.packet, data)
      const word = (offset: number, value: number): void => {
        arena.u32[(context + offset) >> 2] = value
      }
      word(xdpLayout.XDP_DATA, data)
      word(xdpLayout.XDP_DATA_END, dataEnd)
      word(xdpLayout.XDP_DATA_META, data)
      word(xdpLayout.XDP_FRAME_START, data)
      word(xdpLayout.XDP_FRAME_END, dataEnd)
      arena.u32[(this.#contexts >> 2) + i] = context
    }
  }

  /** Runs the next batch. */
  run(program: { runBatch(ctxs: number, count: number, results: number): number }): void {
    program.runBatch(this.#contexts + 4 * RING_BATCH * this.#next, RING_BATCH, this.#results)
    this.#next = (this.#next + 1) % this.#batches
  }

  /** The verdict that the packets of each kind in the first batch got. */
  verdicts(program: { runBatch(ctxs: number, count: number, results: number): number }): number[] {
    this.#next = 0
    this.run(program)
    const found: number[] = []
    for (let i = 0; i < RING_BATCH; i++) {
      const kind = this.#kinds[i]!
      const verdict = this.#arena.u32[(this.#results >> 2) + i]!
      found[kind] ??= verdict
      if (found[kind] !== verdict) {
        throw new BenchError(
          'DISAGREE',
          `packet ${i} (${mixedKinds[kind]!.name}): verdict ${verdict}, others of its kind got ${found[kind]}`,
        )
      }
    }
    return found
  }
}
