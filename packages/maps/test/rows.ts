import { mapLayout as layout } from '@skep/registry'
import type { ObjectKind } from './objects.ts'
import type { Op } from './operations.ts'

/** What the test draws for maps of a type, and what it does not try. */
export interface Row {
  readonly type: string
  /** What else is in the test's name, where a type has several rows. */
  readonly note?: string
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
  readonly refers?: ObjectKind
  /** Keys are. */
  readonly owners?: ObjectKind
  /** Types of key and value are known, the value's with a bpf_spin_lock at byte 4 where this says `lock`. */
  readonly typed?: true
  readonly lock?: true
  /** A program writes stacks into it. */
  readonly stacks?: true
  /** A lookup asks for a value. */
  readonly byValue?: true
  /** Operations of the longest sequence, where others are too short to show anything. */
  readonly longest?: number
  /** Sequences that a map of this row lives for; without a limit when absent. */
  readonly uses?: number
  /** The kernel waits for a grace period in each change: several threads wait at once, and maps are not emptied. */
  readonly waits?: true
  /** What the host can do here and bpf(2) refuses, with EOPNOTSUPP, ENOTSUPP or ENOSPC. */
  readonly beyond?: readonly Op[]
  /** BPF_F_* that the kernel adds to those given. */
  readonly addsFlags?: number
  readonly without?: readonly Op[]
}

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

const { BPF_F_NO_PREALLOC, BPF_F_NO_COMMON_LRU, BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY } = layout
const { BPF_F_ZERO_SEED, BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, BPF_F_MMAPABLE, BPF_F_INNER_MAP } = layout
const { BPF_F_PRESERVE_ELEMS, BPF_F_STACK_BUILD_ID, BPF_F_CLONE, BPF_F_NO_USER_CONV } = layout

const U32 = [4]
const NONE = [0]
const FEW = [1, 2, 4, 5]
/** Half of the maps have no flags. */
const often = (...flags: number[]): number[] => [...flags.map(() => 0), ...flags]
const HOST_FLAGS = often(BPF_F_RDONLY, BPF_F_WRONLY)
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

const array: Row = {
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
}
const hash: Row = {
  type: 'hash',
  keySizes: KEYS,
  valueSizes: VALUES,
  entries: FEW,
  flags: [...HASH_FLAGS, BPF_F_NUMA_NODE],
}
/** Never full. */
const roomy: Pick<Row, 'keySizes' | 'valueSizes' | 'entries' | 'keys'> = {
  keySizes: KEYS,
  valueSizes: VALUES,
  entries: [64],
  keys: 8,
}
/** More keys than entries: which elements go is compared too. */
const crowded = {
  note: 'at capacity',
  keySizes: [3, 4, 8, 16],
  valueSizes: [4, 8, 12],
  entries: [1, 2, 3, 4, 5, 7, 8, 12, 16, 24],
  flags: [0, BPF_F_NO_COMMON_LRU],
  keys: 32,
  longest: 80,
} as const
const withLock = { valueSizes: [8, 12, 16, 40], typed: true, lock: true } as const
const keyless = { keySizes: NONE, valueSizes: VALUES, entries: FEW, flags: HOST_FLAGS }
const ring: Omit<Row, 'type'> = {
  keySizes: NONE,
  valueSizes: NONE,
  entries: [4096, 8192],
  flags: often(BPF_F_NUMA_NODE),
}
const storage = {
  keySizes: U32,
  valueSizes: [4, 8, 12, 40],
  entries: NONE,
  flags: [BPF_F_NO_PREALLOC],
  typed: true,
  keys: 6,
} as const
const ofMaps = { valueSizes: U32, entries: FEW, refers: 'map', waits: true } as const
const ofSockets = { valueSizes: [8], entries: FEW, flags: HOST_FLAGS } as const
/** Values without room for a cookie: bpf(2) gives none. */
const withoutCookies = {
  note: 'without cookies',
  valueSizes: U32,
  beyond: ['lookup', 'lookupBatch'],
} as const

/** A socket is in one map at most, and a frozen one lets it go some time after it is closed. */
const ofGroups = { refers: 'group', without: ['freeze'] } as const

/** Every type that bpf(2) creates here, and each set of operations that the host can try. */
export const rows: readonly Row[] = [
  array,
  { ...array, note: 'with a lock', ...withLock, flags: often(BPF_F_MMAPABLE, BPF_F_RDONLY) },
  {
    type: 'percpu_array',
    keySizes: U32,
    valueSizes: VALUES,
    entries: FEW,
    flags: HOST_FLAGS,
  },
  hash,
  { ...hash, note: 'with a lock', ...withLock, keySizes: U32 },
  { type: 'percpu_hash', keySizes: KEYS, valueSizes: VALUES, entries: FEW, flags: HASH_FLAGS },
  { type: 'lru_hash', ...roomy, flags: often(BPF_F_NO_COMMON_LRU, BPF_F_ZERO_SEED, BPF_F_RDONLY) },
  { type: 'lru_percpu_hash', ...roomy, flags: often(BPF_F_NO_COMMON_LRU) },
  { type: 'lru_hash', ...crowded },
  { type: 'lru_percpu_hash', ...crowded },
  {
    type: 'lpm_trie',
    keySizes: [5, 8, 8, 12, 20],
    valueSizes: VALUES,
    entries: [2, 9, 20],
    flags: [1, 1, 1, 1 | BPF_F_RDONLY, 1 | BPF_F_WRONLY],
    keys: 40,
    key: prefix,
  },
  { type: 'queue', ...keyless },
  { type: 'stack', ...keyless },
  {
    // So large that neither side takes one value for another.
    type: 'bloom_filter',
    keySizes: NONE,
    valueSizes: [3, 4, 8, 13],
    entries: [2000],
    flags: often(BPF_F_ZERO_SEED, BPF_F_RDONLY, BPF_F_WRONLY),
    mapExtra: [0, 7, 15],
    byValue: true,
    uses: 8,
  },
  { type: 'ringbuf', ...ring },
  { type: 'user_ringbuf', ...ring },
  {
    type: 'arena',
    keySizes: NONE,
    valueSizes: NONE,
    entries: [1, 4],
    flags: [BPF_F_MMAPABLE, BPF_F_MMAPABLE | BPF_F_NO_USER_CONV],
  },
  {
    type: 'stack_trace',
    keySizes: U32,
    valueSizes: [8, 64, 1016],
    entries: FEW,
    flags: HOST_FLAGS,
  },
  {
    type: 'stack_trace',
    note: 'with stacks',
    keySizes: U32,
    valueSizes: [8, 32, 64, 1016],
    entries: [1, 2, 4, 5, 8],
    flags: often(BPF_F_RDONLY),
    keys: 10,
    stacks: true,
  },
  {
    type: 'stack_trace',
    note: 'of build ids',
    keySizes: U32,
    valueSizes: [32, 64],
    entries: FEW,
    flags: [BPF_F_STACK_BUILD_ID],
  },
  { type: 'prog_array', keySizes: U32, valueSizes: U32, entries: FEW, flags: HOST_FLAGS, refers: 'program' },
  {
    type: 'perf_event_array',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: often(BPF_F_RDONLY, BPF_F_PRESERVE_ELEMS),
    refers: 'perf',
  },
  {
    type: 'cgroup_array',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: HOST_FLAGS,
    refers: 'cgroup',
    beyond: ['lookup'],
  },
  { type: 'array_of_maps', keySizes: U32, ...ofMaps, flags: often(BPF_F_RDONLY) },
  {
    type: 'hash_of_maps',
    keySizes: KEYS,
    ...ofMaps,
    flags: often(BPF_F_NO_PREALLOC, BPF_F_RDONLY),
  },
  {
    // The loopback device, or none; a program's file descriptor below 0 is none.
    type: 'devmap',
    keySizes: U32,
    valueSizes: [4, 8],
    entries: FEW,
    flags: HOST_FLAGS,
    value: words((n) => [n & 1, n & 2 ? -1 : 0]),
    addsFlags: BPF_F_RDONLY_PROG,
  },
  {
    type: 'devmap_hash',
    keySizes: U32,
    valueSizes: [4, 8],
    entries: [2, 4],
    flags: HOST_FLAGS,
    value: words((n) => [n & 3 ? 1 : 0, n & 4 ? -1 : 0]),
    addsFlags: BPF_F_RDONLY_PROG,
  },
  {
    type: 'cpumap',
    keySizes: U32,
    valueSizes: [4, 8],
    entries: FEW,
    flags: [0],
    value: words((n) => [[0, 0, 20_000, 0][n & 3] || (n & 60 ? 0 : 16), 0]),
  },
  {
    type: 'xskmap',
    keySizes: U32,
    valueSizes: U32,
    entries: FEW,
    flags: HOST_FLAGS,
    refers: 'xsk',
    beyond: ['lookup'],
  },
  { type: 'sockmap', keySizes: U32, ...ofSockets, refers: 'socket' },
  { type: 'sockmap', keySizes: U32, ...ofSockets, ...withoutCookies, refers: 'socket' },
  { type: 'sockhash', keySizes: [1, 4, 8, 13], ...ofSockets, refers: 'socket' },
  { type: 'sockhash', keySizes: [1, 4, 8, 13], ...ofSockets, ...withoutCookies, refers: 'socket' },
  { type: 'reuseport_sockarray', keySizes: U32, ...ofSockets, ...ofGroups },
  { type: 'reuseport_sockarray', keySizes: U32, ...ofSockets, ...withoutCookies, ...ofGroups },
  {
    type: 'sk_storage',
    ...storage,
    owners: 'socket',
    flags: [BPF_F_NO_PREALLOC, BPF_F_NO_PREALLOC | BPF_F_CLONE],
  },
  { type: 'sk_storage', note: 'with a lock', ...storage, ...withLock, owners: 'socket' },
  { type: 'inode_storage', ...storage, owners: 'inode' },
  { type: 'task_storage', ...storage, owners: 'task' },
  { type: 'cgrp_storage', ...storage, owners: 'cgroupOwner' },
  {
    type: 'cgroup_storage',
    keySizes: [8, 16],
    valueSizes: VALUES,
    entries: NONE,
    flags: HOST_FLAGS,
    keys: 3,
  },
  {
    type: 'percpu_cgroup_storage',
    keySizes: [8, 16],
    valueSizes: VALUES,
    entries: NONE,
    flags: HOST_FLAGS,
    keys: 3,
  },
]
