import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Kernel, type KernelMap, loadCollection } from '@skep/linux'
import { openPerfBuffer, openRingBuffer } from '@skep/maps'
import {
  type Collection,
  type CollectionSpec,
  createDefaultPlatform,
  createRuntime,
  createVirtualClock,
  type GlobalValue,
  type ProgramSpec,
  parseObject,
  runIterator,
  setGlobals,
  type TaskInfo,
} from '../src/index.ts'

// What drives an example: the same calls on a runtime and on the kernel.

export interface MapSide {
  lookup(key: Uint8Array): Uint8Array | undefined
  update(key: Uint8Array, value: Uint8Array): void
  pop(): Uint8Array | undefined
  keys(): Uint8Array[]
}

export interface ExampleSide {
  /** One run over a packet: the verdict, and the packet as it is then. */
  run(program: string, packet: Uint8Array): { readonly verdict: number; readonly packet: Uint8Array }
  /** One run of a raw tracepoint's program. */
  trace(program: string, ...args: readonly bigint[]): void
  map(name: string): MapSide
  /** Records of a ring buffer that nobody read yet. */
  records(ring: string): Uint8Array[]
  /** Samples of a perf buffer, where there is one. */
  samples(array: string): Uint8Array[]
  /** Puts a map into one of maps. */
  place(outer: string, index: number, inner: string): void
  /** A global variable's value, of 4 or 8 bytes, or its bytes. */
  global(name: string): bigint
  bytes(name: string): Uint8Array
  /** The text of an iterator program over a map. */
  text(program: string, map: string): string
  /** Lets time pass until something is so. */
  until(done: () => boolean): Promise<void>
  /** Who runs the programs. */
  readonly task: TaskInfo
  close(): void
}

export const number = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

export const exampleFile = (name: string): URL => new URL(`../testdata/examples/${name}`, import.meta.url)

export const exampleSpec = (
  name: string,
  globals: Readonly<Record<string, GlobalValue>> = {},
): CollectionSpec => setGlobals(parseObject(readFileSync(exampleFile(`${name}.o`)), platform), globals)

const platform = createDefaultPlatform()
const KEYLESS = new Uint8Array(0)
const walk = (next: (key?: Uint8Array) => Uint8Array | undefined): Uint8Array[] => {
  const keys: Uint8Array[] = []
  for (let key = next(); key; key = next(key)) keys.push(key)
  return keys
}

const globals = (
  spec: CollectionSpec,
  lookup: (map: string) => Uint8Array | undefined,
): Pick<ExampleSide, 'global' | 'bytes'> => {
  const bytes = (name: string): Uint8Array => {
    const { map, offset, size } = spec.variables.find((variable) => variable.name === name)!
    return lookup(map)!.slice(offset, offset + size)
  }
  return {
    bytes,
    global: (name) => {
      const value = bytes(name)
      const view = new DataView(value.buffer)
      return value.length === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true))
    },
  }
}

const TASK: TaskInfo = { pid: 4242, tgid: 4242, uid: 1000, gid: 1000, comm: 'make' }
const MILLISECOND = 1_000_000n

export async function exampleHere(
  spec: CollectionSpec,
  engine: string,
  kernelBtf?: Uint8Array,
): Promise<ExampleSide> {
  const clock = createVirtualClock({ start: 1_000_000_000n })
  const runtime = await createRuntime({
    engine,
    clock,
    // An LRU hash of few elements forgets one at a time, where there are several CPUs.
    cpus: 2,
    providers: { task: () => TASK },
    ...(kernelBtf ? { kernelBtf } : {}),
  })
  const loaded: Collection = await runtime.load(spec)
  const perf = new Map(
    spec.maps
      .filter(({ type }) => type === 'perf_event_array')
      .map(({ name }) => [name, openPerfBuffer(loaded.map(name))] as const),
  )
  return {
    task: TASK,
    run: (name, packet) => {
      const { retval, data } = loaded.program(name, 'xdp').testRun({ data: packet })
      return { verdict: retval, packet: data! }
    },
    trace: (name, ...args) => {
      const ctx = new Uint8Array(BigUint64Array.from(args).buffer)
      loaded.program(name).testRun({ data: KEYLESS, ctx })
      clock.advance(250n * MILLISECOND)
    },
    map: (name) => {
      const map = loaded.map(name)
      return {
        lookup: (key) => map.lookup(key),
        update: (key, value) => map.update(key, value),
        pop: () => map.lookupAndDelete(KEYLESS),
        keys: () => walk((key) => map.nextKey(key)),
      }
    },
    records: (name) => {
      const records: Uint8Array[] = []
      openRingBuffer(loaded.map(name)).consume((record) => void records.push(record.slice()))
      return records
    },
    samples: (name) => {
      const samples: Uint8Array[] = []
      perf.get(name)!.consume(({ data }) => void samples.push(data.slice()))
      return samples
    },
    place: (outer, index, inner) => loaded.map(outer).setMap(number(index), loaded.map(inner)),
    ...globals(spec, (name) => loaded.map(name).lookup(number(0))),
    text: (name, map) => new TextDecoder().decode(runIterator(loaded.program(name), loaded.map(map))),
    until: async (done) => {
      for (let n = 0; n < 1000 && !done(); n++) clock.advance(MILLISECOND)
      if (!done()) throw new Error('it does not become so')
    },
    close: () => runtime.close(),
  }
}

/** Records of a ring buffer in the kernel (Documentation/bpf/ringbuf.rst): positions in two pages, the data behind them. */
function kernelRecords(map: KernelMap): Uint8Array[] {
  const PAGE = 4096
  const BUSY = 0x8000_0000
  const DISCARDED = 0x4000_0000
  using consumer = map.mapPages(PAGE)
  using producer = map.mapPages(PAGE + 2 * map.maxEntries, PAGE, false)
  const read = new DataView(consumer.bytes.buffer, consumer.bytes.byteOffset)
  const written = new DataView(producer.bytes.buffer, producer.bytes.byteOffset)
  const records: Uint8Array[] = []
  let at = read.getBigUint64(0, true)
  while (at < written.getBigUint64(0, true)) {
    const start = PAGE + Number(at % BigInt(map.maxEntries))
    const header = written.getUint32(start, true)
    if (header & BUSY) break
    const length = header & ~(BUSY | DISCARDED)
    if (!(header & DISCARDED)) records.push(producer.bytes.slice(start + 8, start + 8 + length))
    at += BigInt((length + 8 + 7) & ~7)
  }
  read.setBigUint64(0, at, true)
  return records
}

export function exampleThere(kernel: Kernel, spec: CollectionSpec): ExampleSide {
  const loaded = loadCollection(kernel, spec)
  const program = (name: string) => {
    const found = loaded.programs.get(name)!
    if (found.ok) return found
    throw new Error(`${name}: ${found.errno}: ${found.log.trim().split('\n').slice(-3).join(' | ')}`)
  }
  const map = (name: string): KernelMap => loaded.maps.get(name)!
  const status = readFileSync('/proc/thread-self/status', 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1])
  return {
    task: {
      pid: field('Pid'),
      tgid: field('Tgid'),
      uid: field('Uid'),
      gid: field('Gid'),
      comm: readFileSync('/proc/thread-self/comm', 'utf8').trim(),
    },
    run: (name, packet) => {
      const { retval, dataOut } = program(name).testRun({ dataIn: packet })
      return { verdict: retval, packet: dataOut }
    },
    trace: (name, ...args) =>
      void program(name).testRun({ ctxIn: new Uint8Array(BigUint64Array.from(args).buffer) }),
    map: (name) => ({
      lookup: (key) => map(name).lookup(key),
      update: (key, value) => map(name).update(key, value),
      pop: () => map(name).lookupAndDelete(KEYLESS),
      keys: () => walk((key) => map(name).getNextKey(key)),
    }),
    records: (name) => kernelRecords(map(name)),
    samples: () => [],
    place: (outer, index, inner) => map(outer).update(number(index), number(map(inner).fd)),
    ...globals(spec, (name) => map(name).lookup(number(0))),
    text: (name, over) => new TextDecoder().decode(program(name).readIterator(map(over))),
    until: async (done) => {
      while (!done()) await sleep(1)
    },
    close: () => loaded.close(),
  }
}

/** Programs that the kernel's own structs are needed for: the types of a running kernel, where there are any. */
export const needsKernelBtf = ({ programs }: CollectionSpec): boolean =>
  programs.some(({ type }: ProgramSpec) => type === 'tracing')
