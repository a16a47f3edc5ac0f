import { readFileSync } from 'node:fs'
import { type Kernel, type KernelMap, type KernelProgram, loadCollection } from '@skep/linux'
import {
  type HostMap,
  openRingBuffer,
  openUserRingBuffer,
  type RecordBatch,
  type RingBuffer,
  type UserRingBuffer,
} from '@skep/maps'
import {
  type Collection,
  type CollectionSpec,
  createRuntime,
  type Program,
  parseElf,
  type Runtime,
} from '@skep/runtime'
import { createContext } from '../contexts.ts'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'
import type { Calls, CallsProgram } from './calls.ts'
import { keyOf } from './host.ts'
import { isWriting, type LoopProgram, type MapRow, type RingOperation } from './rows.ts'

/** Operations of one run, as in `map_loops.bpf.c`; a walk has as many as the map has elements. */
const OPERATIONS = 64
const RECORD = 16
const BATCH = 16
const packet = new Uint8Array(64)

/** Maps of the object besides `target`, and the program that needs each. */
const needed: Readonly<Record<string, LoopProgram>> = {
  ring: 'produces',
  requests: 'drains',
  inner: 'nested',
}

/** Runs after which a ring is empty again: its 8 MiB take records of 24 bytes. */
export const mostRuns = (program: LoopProgram): number | undefined =>
  program === 'produces' || program === 'drains' ? 4096 : undefined

/** Operations of one run. */
export const operationsOf = (row: MapRow, program: LoopProgram): number =>
  program === 'iterates' ? row.entries : OPERATIONS

/** The object with the programs that a row asks for, and its map. A row without programs has a map alone. */
function specOf(row: MapRow): CollectionSpec {
  const object = parseElf(readFileSync(`${benchFolder}programs/map_loops.o`))
  const maps = object.maps
    .filter(({ name }) => !needed[name] || row.programs.includes(needed[name]))
    .map((map) => (map.name === 'target' ? { name: 'target', ...row.map } : map))
  return {
    ...object,
    maps,
    programs: object.programs.filter(({ name }) => row.programs.includes(name as LoopProgram)),
  }
}

/** The first word of the globals that programs read. */
function setEntries(
  spec: CollectionSpec,
  globals: Pick<HostMap, 'lookup' | 'update'>,
  entries: number,
): void {
  const zero = new Uint8Array(4)
  const bytes = globals.lookup(zero)!
  const at = spec.variables.find(({ name }) => name === 'entries')!.offset
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, entries, true)
  globals.update(zero, bytes)
}

const globalsOf = (spec: CollectionSpec): string => spec.maps.find(({ name }) => name.endsWith('.bss'))!.name

/** A row's map and programs on Skep's JIT. */
export class LoopsHere {
  readonly map: HostMap
  readonly #runtime: Runtime
  readonly #collection: Collection
  readonly #ring: RingBuffer | undefined
  readonly #requests: UserRingBuffer | undefined
  readonly #programs = new Map<LoopProgram, { program: Program; contexts: number; results: number }>()
  #sum = 0

  private constructor(runtime: Runtime, collection: Collection, row: MapRow) {
    this.#runtime = runtime
    this.#collection = collection
    this.map = this.#map('target')
    this.#ring = row.programs.includes('produces') ? openRingBuffer(this.#map('ring')) : undefined
    this.#requests = row.programs.includes('drains') ? openUserRingBuffer(this.#map('requests')) : undefined
  }

  #map(name: string): HostMap {
    return this.#collection.map(name) as unknown as HostMap
  }

  /** With as many CPUs as the kernel's values have. */
  static async create(row: MapRow, cpus: number): Promise<LoopsHere> {
    const runtime = await createRuntime({ engine: 'jit', cpus })
    const spec = specOf(row)
    const made = new LoopsHere(runtime, await runtime.load(spec), row)
    setEntries(spec, made.#map(globalsOf(spec)), row.entries)
    const inner = row.map.inner && made.#map('inner')
    const value = new Uint8Array(made.map.hostValueSize)
    for (let n = 0; n < row.entries; n++) {
      if (inner) made.map.setMap(keyOf(row, n), inner)
      else made.map.update(keyOf(row, n), value)
    }
    return made
  }

  #prepared(name: LoopProgram): { program: Program; contexts: number; results: number } {
    let prepared = this.#programs.get(name)
    if (prepared) return prepared
    const { arena } = this.#runtime
    const program = this.#collection.program(name)
    const contexts = arena.alloc(4 * BATCH)
    const results = arena.alloc(4 * BATCH)
    arena.u32.fill(createContext(program, packet).address, contexts >> 2, (contexts >> 2) + BATCH)
    prepared = { program, contexts, results }
    this.#programs.set(name, prepared)
    return prepared
  }

  #run(name: LoopProgram, runs: number): number {
    const { program, contexts, results } = this.#prepared(name)
    const start = process.hrtime.bigint()
    for (let left = runs; left > 0; left -= BATCH) program.runBatch(contexts, Math.min(left, BATCH), results)
    return Number(process.hrtime.bigint() - start)
  }

  /** Nanoseconds of one run. */
  time(name: LoopProgram, runs: number): number {
    if (name === 'drains') this.#write('write', runs)
    const elapsed = this.#run(name, runs)
    if (name === 'produces') this.#ring!.consume(() => {})
    return elapsed / runs
  }

  #write(operation: 'write' | 'writeMany', runs: number): void {
    const requests = this.#requests!
    if (operation === 'writeMany') {
      const fill = (memory: DataView, at: number): void => {
        for (let end = at + RECORD; at < end; at += 4) memory.setUint32(at, 0x01010101, true)
      }
      for (let n = 0; n < runs; n++) requests.writeMany(RECORD, OPERATIONS, fill)
      return
    }
    const record = new Uint8Array(RECORD).fill(1)
    for (let n = 0; n < runs * OPERATIONS; n++) requests.write(record)
  }

  /** Nanoseconds of reading what one run leaves, or of writing what one takes. */
  async timeRing(operation: RingOperation, runs: number): Promise<number> {
    if (!isWriting(operation)) this.#run('produces', runs)
    const start = process.hrtime.bigint()
    if (isWriting(operation)) this.#write(operation, runs)
    else await this.#read(operation, runs * OPERATIONS)
    const elapsed = Number(process.hrtime.bigint() - start)
    if (isWriting(operation)) this.#run('drains', runs)
    const left =
      (this.#ring ?? this.#requests) === this.#ring ? this.#ring!.available : this.#requests!.pending
    if (left !== 0) throw new BenchError('CHILD', `${operation} left ${left} bytes in the ring`)
    return elapsed / runs
  }

  async #read(operation: Exclude<RingOperation, 'write' | 'writeMany'>, count: number): Promise<void> {
    const ring = this.#ring!
    switch (operation) {
      case 'consumeInPlace': {
        const take = (memory: DataView, at: number): void => {
          this.#sum += memory.getUint32(at, true)
        }
        while (ring.consumeInPlace(take, OPERATIONS) > 0);
        return
      }
      case 'consumeBatches': {
        const take = (batch: RecordBatch): void => {
          const { memory, length } = batch
          let sum = 0
          for (let n = 0; n < length; n++) sum += memory.getUint32(batch.at(n), true)
          this.#sum += sum
        }
        while (ring.consumeBatches(take, OPERATIONS) > 0);
        return
      }
      case 'for await':
        for await (const record of ring) {
          this.#sum += record[0]!
          if (--count === 0) return
        }
        return
      default: {
        const most = operation === 'consume' ? OPERATIONS : 1
        const take = (record: Uint8Array): void => {
          this.#sum += record[0]!
        }
        while (ring.consume(take, most) > 0);
      }
    }
  }

  /** What came out of records, so that no reading is in vain. */
  get sum(): number {
    return this.#sum
  }

  close(): void {
    this.#runtime.close()
  }
}

/** The same in the kernel, under BPF_PROG_TEST_RUN; a process in C has the other end of a ring. */
export class LoopsThere {
  readonly map: KernelMap
  readonly #collection: ReturnType<typeof loadCollection>
  readonly #row: MapRow
  readonly #reader: Calls | undefined
  readonly #writer: Calls | undefined

  constructor(kernel: Kernel, row: MapRow, rings?: CallsProgram) {
    const spec = specOf(row)
    this.#row = row
    this.#collection = loadCollection(kernel, spec, { logLevel: 0 })
    const { maps } = this.#collection
    this.map = maps.get('target')!
    setEntries(spec, maps.get(globalsOf(spec))!, row.entries)
    this.#fill()
    const [ring, requests] = [maps.get('ring'), maps.get('requests')]
    if (ring) this.#reader = rings?.open(ring.fd, ring.maxEntries, 'read')
    if (requests) this.#writer = rings?.open(requests.fd, requests.maxEntries, 'write')
  }

  #fill(): void {
    const { entries } = this.#row
    const inner = this.#collection.maps.get('inner')
    const value = inner
      ? new Uint8Array(Uint32Array.of(inner.fd).buffer)
      : new Uint8Array(this.map.valueBytes)
    for (let n = 0; n < entries; n++) this.map.update(keyOf(this.#row, n), value)
  }

  #run(name: LoopProgram, runs: number): number {
    const program = this.#collection.programs.get(name)!
    if (!program.ok) throw new BenchError('REFUSED', `the kernel refused ${name}: ${program.errno}`)
    return (program satisfies KernelProgram).testRun({ dataIn: packet, repeat: runs }).durationNs
  }

  async time(name: LoopProgram, runs: number): Promise<number> {
    if (name === 'drains') await this.#writer!.time(RECORD, runs * OPERATIONS)
    const ns = this.#run(name, runs)
    if (name === 'produces') await this.#reader!.time(OPERATIONS, runs * OPERATIONS)
    // Whole nanoseconds, rounded down.
    return ns + 0.5
  }

  async timeRing(operation: RingOperation, runs: number): Promise<number> {
    const count = runs * OPERATIONS
    if (isWriting(operation)) {
      const ns = await this.#writer!.time(RECORD, count)
      this.#run('drains', runs)
      return ns * OPERATIONS
    }
    this.#run('produces', runs)
    const most = operation === 'for await' || operation === 'consume 1 a poll' ? 1 : OPERATIONS
    return (await this.#reader!.time(most, count)) * OPERATIONS
  }

  close(): void {
    this.#reader?.close()
    this.#writer?.close()
    this.#collection.close()
  }
}
