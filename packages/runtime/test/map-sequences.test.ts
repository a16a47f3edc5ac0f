import { readFileSync } from 'node:fs'
import { isKernelAvailable, type Kernel, type KernelMap, loadCollection, openKernel } from '@skep/linux'
import type { HostMap } from '@skep/maps'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec, parseElf } from '../src/index.ts'
import { engines } from './hostile-tools.ts'

// What programs do to maps: the same random sequences of helper calls on the interpreter, the JIT and the kernel, with the
// same results, values seen and final contents. The maps of testdata/map_ops.bpf.c become one of each type in turn.

const available = await isKernelAvailable()
const name = available.ok ? 'map helpers' : `map helpers (skipped: ${available.reason})`
/** Sequences a type; SKEP_RUNS says how many, 2,000 where CI is set. */
const RUNS = Number(process.env['SKEP_RUNS'] ?? (process.env['CI'] ? 2000 : 100))
const SEED = Number(process.env['SKEP_SEED'] ?? 42)
const object = parseElf(readFileSync(new URL('../testdata/map_ops.o', import.meta.url)))

const OPS = {
  elements: ['LOOKUP', 'UPDATE', 'DELETE', 'ADD'],
  cpus: ['LOOKUP', 'UPDATE', 'DELETE', 'ADD', 'SUM', 'OTHER'],
  queues: ['PUSH', 'POP', 'PEEK'],
  filters: ['PUSH', '', 'PEEK'],
  inner: ['LOOKUP', 'UPDATE', 'DELETE', 'ADD'],
} as const
type ProgramName = keyof typeof OPS
/** The map that each program uses. */
const mapOf: Readonly<Record<ProgramName, string>> = {
  elements: 'plain',
  cpus: 'percpu',
  queues: 'queued',
  filters: 'filter',
  inner: 'outer',
}

interface Row {
  readonly program: ProgramName
  /** Programs that run after a sequence: they walk over the map, the second deletes meanwhile. */
  readonly walks?: true
  readonly map: Partial<MapSpec> & { readonly type: string }
  /** What the elements of a map of maps are besides hashes, and how many entries each has. */
  readonly inner?: Partial<MapSpec> & { readonly type: string; readonly entries?: readonly number[] }
  /** A key as the packet has it. */
  readonly key?: fc.Arbitrary<bigint>
}

const small = fc.bigInt({ min: 0n, max: 7n })
const index = { keySize: 4, maxEntries: 6 }
const NO_PREALLOC = { flags: 1 }
const BPF_F_NO_COMMON_LRU = 2
const BPF_F_INNER_MAP = 0x1000
const outer = (type: string): Row['map'] => ({ type, keySize: 4, valueSize: 4 })
const prefix = fc
  .tuple(
    fc.constantFrom(0, 1, 2, 3, 8, 9, 16, 31, 32, 32, 33),
    fc.constantFrom(0, 0x80, 0xc0, 0x40, 0x80_80, 0x1_40),
  )
  .map(([length, data]) => BigInt(length) | (BigInt(data) << 32n))

const rows: readonly Row[] = [
  { program: 'elements', walks: true, map: { type: 'array', ...index } },
  { program: 'elements', walks: true, map: { type: 'hash' } },
  { program: 'elements', walks: true, map: { type: 'hash', keySize: 4, ...NO_PREALLOC } },
  { program: 'elements', walks: true, map: { type: 'lru_hash', maxEntries: 64 } },
  // Full: what programs looked up stays as in the kernel.
  { program: 'elements', walks: true, map: { type: 'lru_hash', maxEntries: 4 } },
  { program: 'elements', map: { type: 'lru_hash', maxEntries: 8, flags: BPF_F_NO_COMMON_LRU } },
  { program: 'elements', map: { type: 'lpm_trie', ...NO_PREALLOC }, key: prefix },
  { program: 'cpus', map: { type: 'percpu_array', ...index } },
  { program: 'cpus', map: { type: 'percpu_hash' } },
  { program: 'cpus', map: { type: 'percpu_hash', keySize: 4, ...NO_PREALLOC } },
  { program: 'cpus', map: { type: 'lru_percpu_hash', maxEntries: 64 } },
  { program: 'cpus', map: { type: 'lru_percpu_hash', maxEntries: 4 } },
  { program: 'queues', map: { type: 'queue', keySize: 0 } },
  { program: 'queues', map: { type: 'stack', keySize: 0 } },
  { program: 'filters', map: { type: 'bloom_filter', keySize: 0, maxEntries: 2000 } },
  { program: 'inner', map: outer('array_of_maps') },
  { program: 'inner', map: outer('hash_of_maps') },
  {
    program: 'inner',
    map: outer('array_of_maps'),
    inner: { type: 'array', ...index, flags: BPF_F_INNER_MAP, entries: [3, 8] },
  },
  { program: 'inner', map: outer('array_of_maps'), inner: { type: 'lru_hash', keySize: 4 } },
  { program: 'inner', map: outer('hash_of_maps'), inner: { type: 'percpu_array', ...index } },
  { program: 'inner', map: outer('hash_of_maps'), inner: { type: 'percpu_hash', entries: [4, 9] } },
]

interface Step {
  readonly op: number
  readonly flags: bigint
  readonly key: bigint
  readonly value: bigint
}

const STEP = 48
const MOST = 32
const flags = fc.constantFrom(0n, 0n, 0n, 0n, 1n, 1n, 2n, 2n, 3n, 4n, 5n, 8n, 1n << 31n)

const word = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))

function stepsOf({ program, key = small }: Row): fc.Arbitrary<Step[]> {
  const ops = OPS[program].flatMap((op, n) =>
    op === '' ? [] : op === 'UPDATE' || op === 'PUSH' ? [n, n, n] : [n],
  )
  const outer = program === 'inner' ? fc.bigInt({ min: 0n, max: 4n }) : fc.constant(0n)
  const step = fc.record({
    op: fc.constantFrom(...ops),
    // The outer key is in the upper half.
    flags: fc.tuple(flags, outer).map(([low, high]) => low | (high << 32n)),
    key,
    // So few in a filter, which is never emptied, that neither side takes one for another.
    value: program === 'filters' ? fc.bigInt({ min: 0n, max: 255n }) : word,
  })
  return fc.array(step, { minLength: 1, maxLength: MOST })
}

function packetOf(steps: readonly Step[]): Uint8Array {
  const bytes = new Uint8Array(STEP * steps.length)
  const view = new DataView(bytes.buffer)
  steps.forEach(({ op, flags, key, value }, n) => {
    ;[BigInt(op), flags, key, value].forEach((word, i) => {
      view.setBigUint64(STEP * n + 8 * i, word, true)
    })
  })
  return bytes
}

/** Results and what was seen, a line a step. */
function resultsOf(program: ProgramName, steps: readonly Step[], packet: Uint8Array): string[] {
  const view = new DataView(packet.buffer, packet.byteOffset)
  return steps.map(({ op, flags, key, value }, n) => {
    const at = STEP * n
    const [result, seen] = [view.getBigInt64(at + 32, true), view.getBigUint64(at + 40, true)]
    return `${OPS[program][op]} key ${key} value ${value} flags ${flags}: ${result} ${seen}`
  })
}

const programsOf = ({ program, walks }: Row): readonly string[] => [
  program,
  ...(walks ? ['sums', 'sweeps'] : []),
]

/** The object with a row's programs, and its map as the row says. */
function specOf(row: Row): CollectionSpec {
  const { program, map } = row
  const { entries, ...of } = row.inner ?? { type: 'hash' }
  const template: MapSpec = { name: 'template', keySize: 8, valueSize: 8, maxEntries: 4, ...of }
  const made: MapSpec = {
    name: mapOf[program],
    keySize: 8,
    valueSize: 8,
    maxEntries: 4,
    ...map,
    ...(program === 'inner'
      ? { inner: template, initial: [0, 2].map((n) => ({ index: n, map: `inner${n}` })) }
      : {}),
  }
  const inner =
    program === 'inner'
      ? [0, 2].map((index, n) => {
          const maxEntries = entries?.[n] ?? template.maxEntries
          return { ...template, name: `inner${index}`, maxEntries }
        })
      : []
  return {
    ...object,
    programs: object.programs.filter((p) => programsOf(row).includes(p.name)),
    maps: [...inner, made],
  }
}

/** What both hosts' maps do alike. */
type Held = Pick<HostMap, 'lookup' | 'update' | 'delete' | 'lookupAndDelete' | 'keySize'> & {
  next(key?: Uint8Array): Uint8Array | undefined
  readonly bytes: number
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

const here = (map: HostMap): Held => ({
  lookup: (key) => map.lookup(key),
  update: (key, value) => map.update(key, value),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key) => map.lookupAndDelete(key),
  next: (key) => map.nextKey(key),
  keySize: map.keySize,
  bytes: map.hostValueSize,
})

const there = (map: KernelMap): Held => ({
  lookup: (key) => map.lookup(key),
  update: (key, value) => map.update(key, value),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key) => map.lookupAndDelete(key),
  next: (key) => map.getNextKey(key),
  keySize: map.keySize,
  bytes: map.valueBytes,
})

/** Takes all that is in a map; an array's values become zero. */
function drain(map: Held, type: string): string[] {
  const found: string[] = []
  if (type === 'bloom_filter') return found
  if (map.keySize === 0) {
    const none = new Uint8Array(0)
    for (let value = map.lookupAndDelete(none); value; value = map.lookupAndDelete(none))
      found.push(hex(value))
    return found
  }
  const keys: Uint8Array[] = []
  for (let key = map.next(); key && keys.length < 100; key = map.next(key)) keys.push(key)
  for (const key of keys) {
    found.push(`${hex(key)}: ${hex(map.lookup(key))}`)
    if (type.endsWith('array')) map.update(key, new Uint8Array(map.bytes))
    else map.delete(key)
  }
  return found.sort()
}

describe.skipIf(!available.ok)(name, () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
    // Programs here run on CPU 0.
    kernel.pin(0)
  })
  afterAll(() => kernel.close())

  const label = ({ map, program, inner }: Row): string =>
    `${map.type} ${map.keySize ?? 8} ${map.flags ?? ''} (${program}${map.maxEntries ? ` of ${map.maxEntries}` : ''}${inner ? ` ${inner.type}` : ''})`
  it.each(rows.map((row) => [label(row), row] as const))('%s', { timeout: 120_000 }, async (_, row) => {
    const { program } = row
    const spec = specOf(row)
    using reference = loadCollection(kernel, spec, { logLevel: 1 })
    const [theirs, ...others] = programsOf(row).map((called) => {
      const loaded = reference.programs.get(called)!
      if (!loaded.ok) throw new Error(`${called}: ${loaded.errno}: ${loaded.log.slice(-2000)}`)
      return loaded
    })
    const runtimes = await Promise.all(
      engines.map((engine) => createRuntime({ engine, cpus: kernel.possibleCpus })),
    )
    const collections = await Promise.all(runtimes.map((runtime) => runtime.load(spec)))
    const held = program === 'inner' ? ['inner0', 'inner2'] : [mapOf[program]]
    const type = program === 'inner' ? (row.inner?.type ?? 'hash') : row.map.type
    fc.assert(
      fc.property(stepsOf(row), (steps) => {
        const packet = packetOf(steps)
        const expected = resultsOf(program, steps, theirs!.testRun({ dataIn: packet }).dataOut)
        const after = others.map((other) => other.testRun({ dataIn: packet }).retval)
        const left = held.map((map) => drain(there(reference.maps.get(map)!), type))
        collections.forEach((collection, n) => {
          const { data } = collection.program(program, 'xdp').testRun({ data: packet })
          expect(resultsOf(program, steps, data!), engines[n]).toEqual(expected)
          const swept = programsOf(row)
            .slice(1)
            .map((called) => collection.program(called, 'xdp').testRun({ data: packet }).retval)
          expect(swept, engines[n]).toEqual(after)
          const contents = held.map((map) => drain(here(collection.map(map) as unknown as HostMap), type))
          expect(contents, engines[n]).toEqual(left)
        })
      }),
      { numRuns: RUNS, seed: SEED },
    )
    for (const runtime of runtimes) runtime.close()
  })
})
