import { mapLayout as layout, type MapSpec } from '@skep/registry'
import fc from 'fast-check'

/** One operation on a map by the host; keys and values by number. */
export interface Operation {
  readonly op:
    | 'lookup'
    | 'update'
    | 'delete'
    | 'next'
    | 'first'
    | 'lookupAndDelete'
    | 'keys'
    | 'updateBatch'
    | 'deleteBatch'
    | 'lookupBatch'
    | 'lookupAndDeleteBatch'
    | 'freeze'
  /** Of a batch, the first key. */
  readonly key: number
  readonly value: number
  readonly flags: number
  /** Elements of a batch. */
  readonly count: number
}

type Sizes = Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'>

/** What the test draws for maps of a type, and what it does not try. */
export interface Row {
  readonly type: string
  readonly keySizes: readonly number[]
  readonly valueSizes: readonly number[]
  readonly entries: readonly number[]
  /** BPF_F_* at creation. */
  readonly flags: readonly number[]
  readonly mapExtra?: readonly number[]
  /** How many different keys there are; three more than entries when absent. */
  readonly keys?: number
  /** Key `n`'s bytes, where they are not a plain number. */
  readonly key?: (n: number, size: number) => Uint8Array
  /** Value `n`'s bytes, where not all bytes mean something. */
  readonly value?: (n: number, size: number) => Uint8Array
  /** Values are references to such objects. */
  readonly refers?: 'map' | 'program'
  /** A lookup asks for a value. */
  readonly byValue?: true
  /** The kernel waits for a grace period in each update: fewer sequences. */
  readonly slow?: true
  readonly without?: readonly Operation['op'][]
}

/** A map of a row's. */
export interface Exercise {
  readonly row: Row
  readonly spec: Sizes & { readonly flags: number; readonly mapExtra: number }
  readonly keys: number
}

export const plainKey = (size: number, n: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? n >>> (8 * i) : (n * (i + 3)) & 0xff
  return bytes
}

export const numbered = (size: number, n: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (n * 31 + i * 7) & 0xff)

/** Prefixes inside one another, and some that are too long. */
function prefix(n: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, (n * 5) % ((size - 4) * 8 + 2), true)
  for (let i = 0; i < size - 4; i++) bytes[4 + i] = i === 0 ? (n & 3) << 6 : (n * 37 * i) & 0x91
  return bytes
}

/** Words that mean something, as far as the size goes. */
const words =
  (of: (n: number) => readonly number[]) =>
  (n: number, size: number): Uint8Array =>
    new Uint8Array(Int32Array.from(of(n)).buffer).slice(0, size)

/** Whether get_next_key counts up, or follows prefixes. */
export const isOrdered = (type: string): boolean =>
  /array$|^array_of_maps$|^lpm_trie$|^devmap$|^cpumap$|^xskmap$/.test(type)

const U32 = [4]
const NONE = [0]
const FEW = [1, 2, 4, 5]
const { BPF_F_NO_PREALLOC, BPF_F_NO_COMMON_LRU, BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY } = layout
const { BPF_F_ZERO_SEED, BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, BPF_F_MMAPABLE, BPF_F_INNER_MAP } = layout
/** Half of the maps have no flags. */
const often = (...flags: number[]): number[] => [...flags.map(() => 0), ...flags]
const HASH_FLAGS = often(
  BPF_F_NO_PREALLOC,
  BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED,
  BPF_F_ZERO_SEED,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY_PROG | BPF_F_NO_PREALLOC,
)
const KEYS = [1, 3, 4, 4, 7, 8, 8, 12, 13, 16, 16, 24]
const VALUES = [1, 3, 4, 5, 8, 8, 12, 40, 200]

/** Every type whose operations the host can try here. */
export const rows: readonly Row[] = [
  {
    type: 'array',
    keySizes: U32,
    valueSizes: VALUES,
    entries: FEW,
    flags: often(
      BPF_F_RDONLY,
      BPF_F_WRONLY,
      BPF_F_RDONLY_PROG,
      BPF_F_MMAPABLE,
      BPF_F_INNER_MAP,
      BPF_F_NUMA_NODE,
    ),
  },
  {
    type: 'percpu_array',
    keySizes: U32,
    valueSizes: VALUES,
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
  },
  {
    type: 'hash',
    keySizes: KEYS,
    valueSizes: VALUES,
    entries: FEW,
    flags: [...HASH_FLAGS, BPF_F_NUMA_NODE],
  },
  { type: 'percpu_hash', keySizes: KEYS, valueSizes: VALUES, entries: FEW, flags: HASH_FLAGS },
  // The kernel may evict before the map is full: fewer keys than would make it. See lru-hash.test.ts for full ones.
  {
    type: 'lru_hash',
    keySizes: KEYS,
    valueSizes: VALUES,
    entries: [64],
    flags: often(BPF_F_NO_COMMON_LRU, BPF_F_ZERO_SEED, BPF_F_RDONLY),
    keys: 8,
  },
  {
    type: 'lru_percpu_hash',
    keySizes: KEYS,
    valueSizes: VALUES,
    entries: [64],
    flags: often(BPF_F_NO_COMMON_LRU),
    keys: 8,
  },
  {
    type: 'lpm_trie',
    keySizes: [5, 8, 8, 12, 20],
    valueSizes: VALUES,
    entries: [2, 9, 20],
    flags: [1, 1, 1, 1 | BPF_F_RDONLY, 1 | BPF_F_WRONLY],
    keys: 40,
    key: prefix,
  },
  {
    type: 'queue',
    keySizes: NONE,
    valueSizes: VALUES,
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
  },
  {
    type: 'stack',
    keySizes: NONE,
    valueSizes: VALUES,
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
  },
  {
    // So large that neither side takes one value for another.
    type: 'bloom_filter',
    keySizes: NONE,
    valueSizes: [3, 4, 8, 13],
    entries: [2000],
    flags: often(BPF_F_ZERO_SEED, BPF_F_RDONLY, BPF_F_WRONLY),
    mapExtra: [0, 7, 15],
    byValue: true,
  },
  { type: 'ringbuf', keySizes: NONE, valueSizes: NONE, entries: [4096], flags: [0] },
  { type: 'user_ringbuf', keySizes: NONE, valueSizes: NONE, entries: [4096], flags: [0] },
  {
    type: 'prog_array',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
    refers: 'program',
  },
  // Bytes that are neither a file descriptor nor a ring's address.
  { type: 'perf_event_array', keySizes: U32, valueSizes: U32, entries: FEW, flags: often(BPF_F_RDONLY) },
  {
    type: 'array_of_maps',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: often(BPF_F_RDONLY),
    refers: 'map',
    slow: true,
  },
  {
    type: 'hash_of_maps',
    keySizes: KEYS,
    valueSizes: U32,
    entries: FEW,
    flags: often(BPF_F_NO_PREALLOC, BPF_F_RDONLY),
    refers: 'map',
    slow: true,
  },
  {
    // The loopback device, or none; a program's file descriptor below 0 is none.
    type: 'devmap',
    keySizes: U32,
    valueSizes: [4, 8],
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
    value: words((n) => [n & 1, n & 2 ? -1 : 0]),
  },
  {
    type: 'devmap_hash',
    keySizes: U32,
    valueSizes: [4, 8],
    entries: [2, 4],
    flags: often(BPF_F_RDONLY, BPF_F_WRONLY),
    value: words((n) => [n & 3 ? 1 : 0, n & 4 ? -1 : 0]),
  },
  {
    type: 'cpumap',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: [0],
    value: words((n) => [[0, 0, 20_000, 16][n & 3]!, 0]),
  },
  {
    type: 'xskmap',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: often(BPF_F_RDONLY),
    // There are no AF_XDP sockets here, and the kernel lets nobody read.
    without: ['update', 'lookup', 'updateBatch'],
  },
]

export const keyOf = ({ row, spec }: Exercise, n: number): Uint8Array =>
  spec.keySize === 0 ? new Uint8Array(0) : (row.key?.(n, spec.keySize) ?? plainKey(spec.keySize, n))

export const exerciseOf = (row: Row): fc.Arbitrary<Exercise> =>
  fc
    .record({
      keySize: fc.constantFrom(...row.keySizes),
      valueSize: fc.constantFrom(...row.valueSizes),
      maxEntries: fc.constantFrom(...row.entries),
      flags: fc.constantFrom(...row.flags),
      mapExtra: fc.constantFrom(...(row.mapExtra ?? [0])),
    })
    .map((spec) => ({ row, spec, keys: row.keys ?? Math.min(spec.maxEntries, 20) + 3 }))

const weights: Readonly<Record<Operation['op'], number>> = {
  update: 30,
  lookup: 10,
  delete: 10,
  next: 8,
  first: 3,
  lookupAndDelete: 8,
  keys: 5,
  updateBatch: 5,
  deleteBatch: 4,
  lookupBatch: 5,
  lookupAndDeleteBatch: 3,
  freeze: 1,
}

/** Batches of keys, which some maps have not. */
const BY_KEYS = /^(update|delete)Batch$/

/** Those that are there, those that are not, and one that only ends beyond 32 bits. */
const FLAGS = [0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 16, 32, 2 ** 32, 2 ** 32 + 8]

export const operations = (row: Row, keys: number, size: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.record({
      op: fc.oneof(
        ...Object.entries(weights)
          .filter(
            ([op]) =>
              !row.without?.includes(op as Operation['op']) && (row.keySizes !== NONE || !BY_KEYS.test(op)),
          )
          .map(([op, weight]) => ({ weight, arbitrary: fc.constant(op as Operation['op']) })),
      ),
      key: fc.nat(keys - 1),
      value: fc.nat(255),
      flags: fc.constantFrom(...FLAGS),
      count: fc.integer({ min: 1, max: 8 }),
    }),
    { maxLength: size },
  )

/** A map and what is done to it. */
export const sequences = (row: Row, size: number): fc.Arbitrary<readonly [Exercise, Operation[]]> =>
  exerciseOf(row).chain((exercise) =>
    operations(row, exercise.keys, size).map((steps) => [exercise, steps] as const),
  )
