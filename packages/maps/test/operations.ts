import type { MapSpec } from '@skep/registry'
import fc from 'fast-check'

/** One operation on a map by the host; keys and values by number. */
export interface Operation {
  readonly op: 'lookup' | 'update' | 'delete' | 'next' | 'first' | 'lookupAndDelete' | 'keys'
  readonly key: number
  readonly value: number
  readonly flags: number
}

/** How the types are exercised: their spec, and how many different keys there are. */
export interface Exercise {
  readonly type: string
  readonly spec: Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'> & { flags?: number; mapExtra?: number }
  readonly keys: number
  /** Key `n`'s bytes, where they are not a plain number. */
  readonly key?: (n: number) => Uint8Array
  /** Value `n`'s bytes, where not all bytes mean something. */
  readonly value?: (n: number) => Uint8Array
  readonly without?: readonly Operation['op'][]
}

export const plainKey = (size: number, n: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? n >>> (8 * i) : (n * (i + 3)) & 0xff
  return bytes
}

export const numbered = (size: number, n: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (n * 31 + i * 7) & 0xff)

/** Prefixes inside one another, and some that are too long. */
const prefix = (dataSize: number) => (n: number) => {
  const bytes = new Uint8Array(4 + dataSize)
  new DataView(bytes.buffer).setUint32(0, (n * 5) % (dataSize * 8 + 2), true)
  for (let i = 0; i < dataSize; i++) bytes[4 + i] = i === 0 ? (n & 3) << 6 : (n * 37 * i) & 0x91
  return bytes
}

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer)

/** Whether get_next_key counts up, or follows prefixes. */
export const isOrdered = (type: string): boolean => /array$|^lpm_trie$|^devmap$|^cpumap$|^xskmap$/.test(type)

const hash = { keySize: 4, valueSize: 8, maxEntries: 5 }

export const exercises: readonly Exercise[] = [
  { type: 'array', spec: { keySize: 4, valueSize: 6, maxEntries: 5 }, keys: 7 },
  { type: 'percpu_array', spec: { keySize: 4, valueSize: 12, maxEntries: 5 }, keys: 7 },
  { type: 'hash', spec: hash, keys: 8 },
  { type: 'hash', spec: { ...hash, keySize: 8, valueSize: 3 }, keys: 8 },
  { type: 'hash', spec: { ...hash, keySize: 16, valueSize: 40 }, keys: 8 },
  { type: 'hash', spec: { ...hash, keySize: 13, valueSize: 200 }, keys: 8 },
  { type: 'hash', spec: { ...hash, keySize: 1, flags: 1 }, keys: 8 },
  { type: 'hash', spec: { ...hash, flags: 1 }, keys: 8 },
  { type: 'percpu_hash', spec: { ...hash, valueSize: 5 }, keys: 8 },
  { type: 'percpu_hash', spec: { ...hash, keySize: 7, flags: 1 }, keys: 8 },
  // The kernel may evict before the map is full: fewer keys than would make it.
  { type: 'lru_hash', spec: { ...hash, maxEntries: 64 }, keys: 8 },
  { type: 'lru_hash', spec: { ...hash, keySize: 12, maxEntries: 64, flags: 2 }, keys: 8 },
  { type: 'lru_percpu_hash', spec: { ...hash, keySize: 8, maxEntries: 64 }, keys: 8 },
  {
    type: 'lpm_trie',
    spec: { keySize: 8, valueSize: 4, maxEntries: 9, flags: 1 },
    keys: 24,
    key: prefix(4),
  },
  {
    type: 'lpm_trie',
    spec: { keySize: 20, valueSize: 8, maxEntries: 9, flags: 1 },
    keys: 40,
    key: prefix(16),
  },
  {
    type: 'lpm_trie',
    spec: { keySize: 5, valueSize: 8, maxEntries: 20, flags: 1 },
    keys: 40,
    key: prefix(1),
  },
  { type: 'queue', spec: { keySize: 0, valueSize: 4, maxEntries: 4 }, keys: 1 },
  { type: 'stack', spec: { keySize: 0, valueSize: 12, maxEntries: 4 }, keys: 1 },
  // Bytes that are neither a file descriptor nor a ring's address.
  { type: 'perf_event_array', spec: { keySize: 4, valueSize: 4, maxEntries: 5 }, keys: 7 },
  // The loopback device, or none; a program's file descriptor below 0 is none.
  { type: 'devmap', spec: { keySize: 4, valueSize: 4, maxEntries: 5 }, keys: 7, value: (n) => u32(n & 1) },
  {
    type: 'devmap',
    spec: { keySize: 4, valueSize: 8, maxEntries: 5 },
    keys: 7,
    value: (n) => u32(n & 1, n & 2 ? -1 : 0),
  },
  {
    type: 'devmap_hash',
    spec: { keySize: 4, valueSize: 4, maxEntries: 4 },
    keys: 8,
    value: (n) => u32(n & 1),
  },
  {
    type: 'devmap_hash',
    spec: { keySize: 4, valueSize: 8, maxEntries: 4 },
    keys: 8,
    value: (n) => u32(n & 3 ? 1 : 0, n & 4 ? -1 : 0),
  },
  {
    type: 'cpumap',
    spec: { keySize: 4, valueSize: 4, maxEntries: 5 },
    keys: 7,
    value: (n) => u32([0, 0, 20_000, 16][n & 3]!),
  },
  {
    type: 'xskmap',
    spec: { keySize: 4, valueSize: 4, maxEntries: 5 },
    keys: 7,
    // There are no AF_XDP sockets here, and the kernel lets nobody read.
    without: ['update', 'lookup'],
  },
  { type: 'ringbuf', spec: { keySize: 0, valueSize: 0, maxEntries: 4096 }, keys: 1 },
  { type: 'user_ringbuf', spec: { keySize: 0, valueSize: 0, maxEntries: 4096 }, keys: 1 },
]

export const keyOf = (exercise: Exercise, n: number): Uint8Array =>
  exercise.spec.keySize === 0 ? new Uint8Array(0) : (exercise.key?.(n) ?? plainKey(exercise.spec.keySize, n))

export const label = ({ type, spec }: Exercise): string =>
  `${type} ${spec.keySize}→${spec.valueSize}${spec.flags ? ` flags ${spec.flags}` : ''}`

export const operations = (exercise: Exercise, size: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.record({
      op: fc
        .constantFrom<Operation['op']>(
          'update',
          'update',
          'update',
          'lookup',
          'delete',
          'next',
          'first',
          'lookupAndDelete',
          'keys',
        )
        .filter((op) => !exercise.without?.includes(op)),
      key: fc.nat(exercise.keys - 1),
      value: fc.nat(255),
      flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 8, 16),
    }),
    { maxLength: size },
  )
