import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { buildPacket } from '@skep/packet'
import {
  type CollectionSpec,
  control,
  createRuntime,
  flowHash,
  type Runtime,
  type SharedRuntime,
  xdpLayout,
} from '@skep/runtime'
import { joinRuntime } from '@skep/runtime/worker'
import { BenchError } from './errors.ts'
import { sources } from './map-fill.ts'
import { udpPacket } from './packets.ts'
import { type BenchProgram, programOf } from './programs.ts'
import { Random } from './random.ts'
import { mapToFill, readSpec } from './spec.ts'
import { type Spread, spread } from './statistics.ts'

/** What is timed with one worker and with two. */
export interface WorkerCase {
  readonly id: string
  readonly title: string
  readonly program: BenchProgram
  /** What is changed of its object. */
  readonly change?: (spec: CollectionSpec) => CollectionSpec
  /** The packets of a source are of many flows, so that both workers get some. Otherwise a source has one flow. */
  readonly manyFlows?: boolean
}

const perCpu = (spec: CollectionSpec): CollectionSpec => ({
  ...spec,
  maps: spec.maps.map((map) => (map.type === 'array' ? { ...map, type: 'percpu_array' } : map)),
})

/**
 * Programs b to e as they are; c with a counter for each CPU as one writes it for several cores; e where both workers write
 * the same values; and f, which touches no memory: what two workers can reach on the machine at all.
 */
export const workerCases: readonly WorkerCase[] = [
  ...['f', 'b', 'c', 'd'].map((id) => ({
    id,
    title: programOf(id).title,
    program: programOf(id),
    manyFlows: true,
  })),
  { id: 'e', title: programOf('e').title, program: programOf('e') },
  {
    id: 'c-percpu',
    title: 'count protocols (per-CPU array)',
    program: programOf('c'),
    change: perCpu,
    manyFlows: true,
  },
  { id: 'e-both', title: '1,000 sources, each on both workers', program: programOf('e'), manyFlows: true },
]

export interface WorkerResult {
  readonly id: string
  readonly title: string
  /** Nanoseconds a packet with one worker, and with two, each with its flows of the same packets. */
  readonly one: Spread
  readonly two: Spread
  /** How many times as many packets two workers do, round by round. */
  readonly gain: Spread
  /** Turns during which a worker had to wait for a core, every time that they were tried. */
  readonly disturbed: number
}

export interface WorkerOptions {
  readonly rounds: number
  /** Nanoseconds of one turn. */
  readonly window: number
}

const PACKETS = 16_384
const SIZE = 64
const SLOT = control.RUN_HEADER_SIZE + xdpLayout.XDP_CONTEXT_SIZE + SIZE

/** Packets from the 1,000 sources of program e, as UDP and TCP. */
function makePackets(manyFlows: boolean): Uint8Array[] {
  const random = new Random(3)
  return Array.from({ length: PACKETS }, () => {
    const number = random.below(sources.keys.length)
    const source = sources.keys[number]!.join('.')
    const flow = manyFlows ? random.below(60_000) : number
    const ports = { srcPort: 1024 + flow, dstPort: 9999 }
    const layer = flow % 4 === 0 ? ('tcp' as const) : ('udp' as const)
    const packet = buildPacket([
      { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
      { layer: 'ipv4', src: source, dst: '203.0.113.77' },
      { layer, ...ports },
    ])
    const frame = new Uint8Array(SIZE)
    frame.set(packet)
    return frame
  })
}

/** Contexts of packets, in batches. */
interface Contexts {
  readonly contexts: number
  readonly count: number
  readonly results: number
}

function place(arena: Runtime['arena'], packets: readonly Uint8Array[]): Contexts {
  const contexts = arena.alloc(4 * packets.length, 64)
  const results = arena.alloc(4 * packets.length, 64)
  const slots = arena.alloc(packets.length * SLOT, 128)
  const { u8, u32 } = arena
  for (const [n, packet] of packets.entries()) {
    const context = slots + n * SLOT + control.RUN_HEADER_SIZE
    const data = context + xdpLayout.XDP_CONTEXT_SIZE
    u8.set(packet, data)
    const word = (offset: number, value: number): void => {
      u32[(context + offset) >> 2] = value
    }
    word(xdpLayout.XDP_DATA, data)
    word(xdpLayout.XDP_DATA_END, data + SIZE)
    word(xdpLayout.XDP_DATA_META, data)
    word(xdpLayout.XDP_FRAME_START, data)
    word(xdpLayout.XDP_FRAME_END, data + SIZE)
    u32[(contexts >> 2) + n] = context
  }
  return { contexts, count: packets.length, results }
}

/** What a worker is asked: wait for the word at `gate` to change, then run so many rounds over the lists of contexts. */
interface Turn {
  readonly lists: readonly Contexts[]
  readonly rounds: number
  readonly gate: number
}

/** Milliseconds on a clock that all threads have. */
interface Took {
  readonly from: number
  readonly to: number
  /** How long the thread was ready to run and had no core. */
  readonly waited: number
}

/** What this thread has waited for a core so far, in milliseconds; 0 where the system does not tell. */
function waitedForCore(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

const now = (): number => performance.timeOrigin + performance.now()

interface Task {
  readonly benchWorker: true
  readonly handle: SharedRuntime
  readonly name: string
  /** Number of the worker: it is bound to the core of that number, where taskset can do so. */
  readonly core: number
}

/** Threads that are woken at once may be put on one core, and stay there longer than a turn takes. */
function bindTo(core: number): void {
  try {
    const thread = readlinkSync('/proc/thread-self').split('/').pop()!
    execFileSync('taskset', ['-pc', String(core), thread], { stdio: 'ignore' })
  } catch {
    // Another system, or no taskset: turns in which a worker waited are tried again.
  }
}

/** Whether this thread is one of `benchWorkers`: then it answers, and the module's own work must not begin. */
export function serveWorker(): boolean {
  const task = workerData as Task | null
  if (isMainThread || task?.benchWorker !== true) return false
  const port = parentPort!
  bindTo(task.core)
  void (async () => {
    const runtime = await joinRuntime(task.handle)
    const program = runtime.program(task.name)
    port.on('message', ({ lists, rounds, gate }: Turn) => {
      port.postMessage('ready')
      const before = waitedForCore()
      Atomics.wait(runtime.arena.i32, gate >> 2, 0)
      const from = now()
      for (let n = 0; n < rounds; n++) {
        for (const { contexts, count, results } of lists) program.runBatch(contexts, count, results)
      }
      const to = now()
      port.postMessage({ from, to, waited: waitedForCore() - before } satisfies Took)
    })
    port.postMessage('ready')
  })()
  return true
}

/** What each worker runs over. */
type Work = readonly (readonly Contexts[] | undefined)[]

/** Of a turn's time, and how often it is tried. */
const MOST_WAITED = 0.05
const MOST_TRIES = 40

class Crew {
  /** Turns that count although a worker waited. */
  disturbed = 0
  readonly #runtime: Runtime
  readonly #workers: readonly Worker[]
  readonly #gate: number

  private constructor(runtime: Runtime, workers: readonly Worker[]) {
    this.#runtime = runtime
    this.#workers = workers
    this.#gate = runtime.arena.alloc(64, 64)
  }

  /** `file` is the module that calls `serveWorker`. */
  static async create(runtime: Runtime, name: string, file: string): Promise<Crew> {
    const workers = [0, 1].map((core) => {
      const task: Task = { benchWorker: true, handle: runtime.share(), name, core }
      return new Worker(file, { workerData: task, execArgv: process.execArgv })
    })
    await Promise.all(workers.map(answer))
    return new Crew(runtime, workers)
  }

  /**
   * A turn during which no worker had to wait for a core, if that can be had: what else runs on the machine takes one away,
   * and then two workers are one.
   */
  async turn(work: Work, rounds: number): Promise<number> {
    for (let tries = 1; ; tries++) {
      const { took, waited } = await this.#once(work, rounds)
      if (waited < took * MOST_WAITED || tries === MOST_TRIES) {
        if (waited >= took * MOST_WAITED) this.disturbed++
        return took
      }
    }
  }

  /** All workers that have something to do begin at once; milliseconds until the last has done it. */
  async #once(work: Work, rounds: number): Promise<{ took: number; waited: number }> {
    const { i32 } = this.#runtime.arena
    const gate = this.#gate
    Atomics.store(i32, gate >> 2, 0)
    const busy = this.#workers.filter((_, n) => work[n])
    const ready = busy.map(answer)
    for (const [n, worker] of this.#workers.entries()) {
      const lists = work[n]
      if (lists) worker.postMessage({ lists, rounds, gate } satisfies Turn)
    }
    await Promise.all(ready)
    const done = busy.map((worker) => answer(worker) as Promise<Took>)
    Atomics.store(i32, gate >> 2, 1)
    Atomics.notify(i32, gate >> 2)
    const took = await Promise.all(done)
    const starts = took.map(({ from }) => from)
    const first = Math.min(...starts)
    return {
      took: Math.max(...took.map(({ to }) => to)) - first,
      waited: Math.max(...starts.map((start) => start - first), ...took.map(({ waited }) => waited)),
    }
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) await worker.terminate()
  }
}

function answer(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', (message) => {
      worker.off('error', reject)
      resolve(message)
    })
    worker.once('error', reject)
  })
}

/** Times a case with one worker and with two, in turn, over the same packets: one has all of them, of two each its flows. */
export async function benchWorkers(
  { id, title, program, change = (spec) => spec, manyFlows = false }: WorkerCase,
  file: string,
  { rounds, window }: WorkerOptions,
): Promise<WorkerResult> {
  const runtime = await createRuntime({ workers: 2 })
  let crew: Crew | undefined
  try {
    const spec = change(readSpec(program, runtime.platform))
    const collection = await runtime.load(spec)
    if (program.fill && program.fill.keys.length > 0) {
      const map = collection.map(mapToFill(spec, program.fill).name)
      for (const key of program.fill.keys) map.update(key, new Uint8Array(map.valueSize))
    }
    // f runs long over one packet.
    const packets = id === 'f' ? [udpPacket, udpPacket] : makePackets(manyFlows)
    const halves = [0, 1].map((half) =>
      packets.filter((packet, n) => (id === 'f' ? n : flowHash(packet)) % 2 === half),
    )
    const lists = halves.map((half) => place(runtime.arena, half))
    crew = await Crew.create(runtime, program.name, file)
    const single = (n: number): (readonly Contexts[] | undefined)[] =>
      n % 2 === 0 ? [lists, undefined] : [undefined, lists]
    const double = lists.map((list) => [list])

    let turns = 1
    for (let spent = 0, n = 0; spent < 400 || n < 12; n++) {
      const took = await crew.turn(n % 3 === 2 ? double : single(n), turns)
      spent += took
      turns = Math.max(1, Math.min(turns * 8, Math.round((turns * window) / 1e6 / Math.max(took, 0.01))))
    }
    crew.disturbed = 0
    const one: number[] = []
    const two: number[] = []
    const perPacket = 1e6 / (turns * packets.length)
    for (let round = 0; round < rounds; round++) {
      const times = [async () => one.push((await crew!.turn(single(round >> 1), turns)) * perPacket)]
      times.push(async () => two.push((await crew!.turn(double, turns)) * perPacket))
      if (round % 2) times.reverse()
      for (const time of times) await time()
    }
    check(runtime, lists)
    return {
      id,
      title,
      one: spread(one),
      two: spread(two),
      gain: spread(one.map((time, n) => time / two[n]!)),
      disturbed: crew.disturbed,
    }
  } finally {
    await crew?.close()
    runtime.close()
  }
}

/** A program that aborts runs fast and means nothing. */
function check({ arena }: Runtime, lists: readonly Contexts[]): void {
  for (const { results, count } of lists) {
    if (!arena.u32.subarray(results >> 2, (results >> 2) + count).includes(0)) continue
    throw new BenchError('DISAGREE', 'a worker’s program aborted')
  }
}
