import { openRingBuffer, type RingBuffer } from '@skep/maps'
import {
  type Collection,
  createRuntime,
  type Program,
  type Runtime,
  type TestRunContext,
} from '@skep/runtime'
import { createContext } from './contexts.ts'
import { BenchError } from './errors.ts'
import type { BenchProgram } from './programs.ts'
import { RING_BATCH, Ring } from './ring.ts'
import { mapToFill, readSpec, total } from './spec.ts'
import { type Outcome, type RingName, type Subject, toHex, type Way } from './subject.ts'

/** Contexts in a batch of one hot packet: what a hook hands over at once. */
const HOT_BATCH = 256

/** A program on one of Skep's engines, in a runtime of its own. */
export class SkepSubject implements Subject {
  readonly #runtime: Runtime
  readonly #collection: Collection
  readonly #program: Program
  readonly #source: BenchProgram
  readonly #context: TestRunContext
  readonly #contexts: number
  readonly #results: number
  readonly #rings = new Map<RingName, Ring>()
  #events: RingBuffer | undefined

  private constructor(runtime: Runtime, collection: Collection, source: BenchProgram) {
    this.#runtime = runtime
    this.#collection = collection
    this.#program = collection.program(source.name)
    this.#source = source
    const { arena } = runtime
    this.#context = createContext(this.#program, source.packet)
    this.#contexts = arena.alloc(4 * HOT_BATCH)
    this.#results = arena.alloc(4 * HOT_BATCH)
    arena.u32.fill(this.#context.address, this.#contexts >> 2, (this.#contexts >> 2) + HOT_BATCH)
  }

  static async create(source: BenchProgram, engine: string): Promise<SkepSubject> {
    const runtime = await createRuntime({ engine })
    const spec = readSpec(source, runtime.platform)
    const collection = await runtime.load(spec)
    if (source.fill) {
      const map = collection.map(mapToFill(spec, source.fill).name)
      const zero = new Uint8Array(map.valueSize)
      for (const key of source.fill.keys) map.update(key, zero)
    }
    return new SkepSubject(runtime, collection, source)
  }

  async outcome(way: 'call' | 'batch'): Promise<Outcome> {
    const context = createContext(this.#program, this.#source.packet)
    this.#resetCounter()
    let retval: number
    if (way === 'call') retval = this.#program.run(context.address)
    else {
      const { arena } = this.#runtime
      const contexts = arena.alloc(4)
      const results = arena.alloc(4)
      arena.u32[contexts >> 2] = context.address
      this.#program.runBatch(contexts, 1, results)
      retval = arena.u32[results >> 2]!
      arena.free(contexts)
      arena.free(results)
    }
    const { data } = context.finish()
    context.release()
    return { retval, data: toHex(data!), ...this.#counted() }
  }

  async time(way: Way, runs: number): Promise<number> {
    if (way === 'call' || way === 'batch') {
      const time = way === 'call' ? this.#timeCalls(runs) : this.#timeBatches(runs)
      this.#emptyRing()
      return time
    }
    return this.#timeRing(this.#ring(way), Math.ceil(runs / RING_BATCH))
  }

  async ringVerdicts(name: RingName): Promise<readonly number[]> {
    return this.#ring(name).verdicts(this.#program)
  }

  async close(): Promise<void> {
    this.#collection.close()
    this.#runtime.close()
  }

  #timeCalls(calls: number): number {
    const program = this.#program
    const { address } = this.#context
    const start = performance.now()
    for (let i = 0; i < calls; i++) program.run(address)
    return ((performance.now() - start) * 1e6) / calls
  }

  #timeBatches(runs: number): number {
    const program = this.#program
    const contexts = this.#contexts
    const results = this.#results
    // Few runs fill a window with a slow program; then a batch is no longer than the window.
    const size = Math.min(runs, HOT_BATCH)
    const batches = Math.ceil(runs / size)
    const start = performance.now()
    for (let i = 0; i < batches; i++) program.runBatch(contexts, size, results)
    return ((performance.now() - start) * 1e6) / (batches * size)
  }

  #timeRing(ring: Ring, batches: number): number {
    const program = this.#program
    const start = performance.now()
    for (let i = 0; i < batches; i++) ring.run(program)
    return ((performance.now() - start) * 1e6) / (batches * RING_BATCH)
  }

  #emptyRing(): void {
    const { ring } = this.#source
    if (!ring) return
    const reader = (this.#events ??= openRingBuffer(this.#collection.map(ring.map)))
    if (reader.lost > 0) throw new BenchError('DISAGREE', `${reader.lost} events found no room`)
    reader.consume(() => true)
  }

  #ring(name: RingName): Ring {
    let ring = this.#rings.get(name)
    if (!ring) {
      ring = new Ring(this.#runtime.arena, name)
      this.#rings.set(name, ring)
    }
    return ring
  }

  #resetCounter(): void {
    const { fill } = this.#source
    if (fill)
      this.#collection
        .map(mapToFill(this.#collection.spec, fill).name)
        .update(fill.hit, new Uint8Array(fill.valueSize))
  }

  #counted(): { counted?: string } {
    const { fill } = this.#source
    const value = fill && this.#collection.map(mapToFill(this.#collection.spec, fill).name).lookup(fill.hit)
    return value ? { counted: toHex(total(value, fill)) } : {}
  }
}
