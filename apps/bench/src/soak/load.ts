import { openRingBuffer, type RingBuffer } from '@skep/maps'
import { createRuntime, type Program, type Runtime } from '@skep/runtime'
import { BenchError } from '../errors.ts'
import { programOf } from '../programs.ts'
import { RING_BATCH, Ring } from '../ring.ts'
import { mapToFill, readSpec } from '../spec.ts'

/** What takes packets: lookups, updates that evict, counters for each CPU, a ring buffer that is read, tail calls. */
const IDS = ['b', 'c', 'e', 'j', 'l', 'm', 'n'] as const
/** Batches of one program before the next one's turn. */
const TURN = 8

interface Worker {
  readonly program: Program
  readonly ring: Ring
  readonly events?: RingBuffer
}

/** Programs of the bench in one runtime, that take rings of mixed packets in turn. */
export class SoakLoad {
  readonly #runtime: Runtime
  readonly #workers: readonly Worker[]
  #next = 0
  /** Packets so far. */
  packets = 0
  /** Events read from the ring buffer so far. */
  events = 0

  private constructor(runtime: Runtime, workers: readonly Worker[]) {
    this.#runtime = runtime
    this.#workers = workers
  }

  static async create(): Promise<SoakLoad> {
    const runtime = await createRuntime()
    const ring = new Ring(runtime.arena, 'mixed-hot')
    const workers: Worker[] = []
    for (const id of IDS) {
      const source = programOf(id)
      const spec = readSpec(source, runtime.platform)
      const collection = await runtime.load(spec)
      const { fill } = source
      if (fill) {
        const map = collection.map(mapToFill(spec, fill).name)
        for (const key of fill.keys) map.update(key, new Uint8Array(map.valueSize))
      }
      workers.push({
        program: collection.program(source.name),
        ring,
        ...(source.ring ? { events: openRingBuffer(collection.map(source.ring.map)) } : {}),
      })
    }
    return new SoakLoad(runtime, workers)
  }

  /** Bytes that the arena has handed out. */
  get arenaBytes(): number {
    return this.#runtime.arena.used
  }

  /** One program's turn, with its events read, as a host would. */
  step(): void {
    const { program, ring, events } = this.#workers[this.#next]!
    this.#next = (this.#next + 1) % this.#workers.length
    for (let i = 0; i < TURN; i++) {
      ring.run(program)
      this.packets += RING_BATCH
      if (!events) continue
      this.events += events.consume(() => true)
      if (events.lost > 0) throw new BenchError('DISAGREE', `${events.lost} events found no room`)
    }
    program.host.quiesce()
  }

  close(): void {
    this.#runtime.close()
  }
}
