import { readFileSync } from 'node:fs'
import { type Kernel, type KernelMap, type KernelProgram, loadCollection } from '@skep/linux'
import { type HostMap, openRingBuffer, type RingBuffer } from '@skep/maps'
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
import { keyOf } from './host.ts'
import type { LoopProgram, MapRow } from './rows.ts'

/** Operations of one run, as in `map_loops.bpf.c`; a walk has as many as the map has elements. */
const OPERATIONS = 64
const BATCH = 16
const PAGE = 4096
const packet = new Uint8Array(64)

/** Runs after which the ring is empty again: its 8 MiB take records of 24 bytes. */
export const mostRuns = (program: LoopProgram): number | undefined =>
  program === 'produces' ? 4096 : undefined

/** Operations of one run. */
export const operationsOf = (row: MapRow, program: LoopProgram): number =>
  program === 'iterates' ? row.entries : OPERATIONS

/** The object with the programs that a row asks for, and its map. A row without programs has a map alone. */
function specOf(row: MapRow): CollectionSpec {
  const object = parseElf(readFileSync(`${benchFolder}programs/map_loops.o`))
  const rings = row.programs.includes('produces')
  const maps = object.maps
    .filter(({ name }) => rings || name !== 'ring')
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
  readonly #programs = new Map<LoopProgram, { program: Program; contexts: number; results: number }>()

  private constructor(runtime: Runtime, collection: Collection, row: MapRow) {
    this.#runtime = runtime
    this.#collection = collection
    this.map = this.#map('target')
    this.#ring = row.programs.includes('produces') ? openRingBuffer(this.#map('ring')) : undefined
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
    const value = new Uint8Array(made.map.hostValueSize)
    for (let n = 0; n < row.entries; n++) made.map.update(keyOf(row, n), value)
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

  /** Nanoseconds of one run. */
  time(name: LoopProgram, runs: number): number {
    const { program, contexts, results } = this.#prepared(name)
    const start = process.hrtime.bigint()
    for (let left = runs; left > 0; left -= BATCH) program.runBatch(contexts, Math.min(left, BATCH), results)
    const elapsed = Number(process.hrtime.bigint() - start)
    if (name === 'produces') this.#ring!.consume(() => {})
    return elapsed / runs
  }

  /** Nanoseconds of reading what one run leaves. */
  consume(runs: number): number {
    const { program, contexts, results } = this.#prepared('produces')
    for (let left = runs; left > 0; left -= BATCH) program.runBatch(contexts, Math.min(left, BATCH), results)
    let sum = 0
    const start = process.hrtime.bigint()
    this.#ring!.consume((record) => {
      sum += record[0]!
    })
    return Number(process.hrtime.bigint() - start) / runs + (sum < 0 ? 1 : 0)
  }

  close(): void {
    this.#runtime.close()
  }
}

/** The same in the kernel, under BPF_PROG_TEST_RUN. */
export class LoopsThere {
  readonly map: KernelMap
  readonly #collection: ReturnType<typeof loadCollection>
  readonly #row: MapRow
  readonly #consumer: DataView | undefined
  readonly #producer: Uint8Array | undefined
  readonly #words: DataView | undefined

  constructor(kernel: Kernel, row: MapRow) {
    const spec = specOf(row)
    this.#row = row
    this.#collection = loadCollection(kernel, spec, { logLevel: 0 })
    this.map = this.#collection.maps.get('target')!
    setEntries(spec, this.#collection.maps.get(globalsOf(spec))!, row.entries)
    this.#fill()
    const ring = this.#collection.maps.get('ring')
    if (!ring) return
    const bytes = PAGE + 2 * ring.maxEntries
    this.#producer = ring.mapPages(bytes, PAGE, false).bytes
    this.#words = new DataView(this.#producer.buffer, this.#producer.byteOffset, bytes)
    this.#consumer = new DataView(ring.mapPages(PAGE).bytes.buffer)
  }

  #fill(): void {
    const { entries } = this.#row
    const value = new Uint8Array(this.map.valueBytes)
    for (let n = 0; n < entries; n++) this.map.update(keyOf(this.#row, n), value)
  }

  #program(name: LoopProgram): KernelProgram {
    const program = this.#collection.programs.get(name)!
    if (program.ok) return program
    throw new BenchError('REFUSED', `the kernel refused ${name}: ${program.errno}`)
  }

  time(name: LoopProgram, runs: number): number {
    const { durationNs } = this.#program(name).testRun({ dataIn: packet, repeat: runs })
    if (name === 'produces') this.#consumer!.setBigUint64(0, this.#words!.getBigUint64(0, true), true)
    // Whole nanoseconds, rounded down.
    return durationNs + 0.5
  }

  /** Reads records as libbpf does, in the pages that are mapped into the process. */
  consume(runs: number): number {
    this.#program('produces').testRun({ dataIn: packet, repeat: runs })
    const words = this.#words!
    const mask = (words.byteLength - PAGE) / 2 - 1
    const start = process.hrtime.bigint()
    let at = Number(this.#consumer!.getBigUint64(0, true))
    const end = Number(words.getBigUint64(0, true))
    let sum = 0
    while (at < end) {
      const header = PAGE + (at & mask)
      const length = words.getUint32(header, true) & 0x3fff_ffff
      sum += this.#producer!.subarray(header + 8, header + 8 + length)[0]!
      at += (length + 15) & ~7
      this.#consumer!.setBigUint64(0, BigInt(at), true)
    }
    return Number(process.hrtime.bigint() - start) / runs + (sum < 0 ? 1 : 0)
  }

  close(): void {
    this.#collection.close()
  }
}
