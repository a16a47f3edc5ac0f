import type { MapSpec } from '@skep/runtime'
import type { HostOperation } from './calls.ts'

/** Programs of `programs/map_loops.bpf.c`. */
export type LoopProgram =
  | 'lookups'
  | 'updates'
  | 'inserts'
  | 'iterates'
  | 'prefixes'
  | 'pushes'
  | 'members'
  | 'nested'
  | 'produces'
  | 'drains'

/** Ways to read or write a ring from outside of programs; 64 records a poll unless it says so. */
export type RingOperation =
  | 'consume'
  | 'consumeInPlace'
  | 'consumeBatches'
  | 'consume 1 a poll'
  | 'for await'
  | 'write'
  | 'writeMany'

/** A map, and what is timed on it. */
export interface MapRow {
  readonly title: string
  readonly map: Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'> & {
    readonly type: string
    readonly flags?: number
    readonly inner?: MapSpec
  }
  /** Keys 0 … entries - 1 are in it. */
  readonly entries: number
  readonly host: readonly HostOperation[]
  readonly programs: readonly LoopProgram[]
  /** On the object's `ring` or `requests`. */
  readonly rings?: readonly RingOperation[]
}

/** Room for keys that come and go. */
export const FRESH = 4096

/** LRU maps evict before they are full, and what is to be deleted must still be there. */
const roomOf = (type: string): number => (type.startsWith('lru') ? 2 * FRESH : FRESH)

const hashOf = (type: string, entries: number): MapRow['map'] => ({
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: entries + roomOf(type),
})
const ALL: readonly HostOperation[] = [
  'lookup',
  'update',
  'insert',
  'delete',
  'iterate',
  'batch',
  'batch_update',
  'batch_delete',
]
const LOOPS: readonly LoopProgram[] = ['lookups', 'updates', 'inserts', 'iterates']

const hashRow = (type: string, entries: number): MapRow => ({
  title: `${type}, ${entries.toLocaleString('en')}`,
  map: hashOf(type, entries),
  entries,
  host: ALL,
  programs: LOOPS,
})

const arrayRow = (type: string): MapRow => ({
  title: `${type}, 1,000`,
  map: { type, keySize: 4, valueSize: 8, maxEntries: 1000 },
  entries: 1000,
  host: ['lookup', 'update', 'iterate', 'batch', 'batch_update'],
  programs: ['lookups', 'updates', 'iterates'],
})

/** Maps without keys. */
const keylessRow = (type: string, operation: HostOperation, program: LoopProgram): MapRow => ({
  title: type,
  map: { type, keySize: 0, valueSize: 8, maxEntries: 1000 },
  entries: 0,
  host: [operation],
  programs: [program],
})

/** Maps of 16 elements, each of them the same array. */
const outerRow = (type: string): MapRow => ({
  title: type,
  map: {
    type,
    keySize: 4,
    valueSize: 4,
    maxEntries: 16,
    inner: { name: 'inner', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1000 },
  },
  entries: 16,
  host: ['lookup'],
  programs: ['nested'],
})

/** The large one comes last: its memory is given back before the process ends. */
export const rows: readonly MapRow[] = [
  arrayRow('array'),
  arrayRow('percpu_array'),
  hashRow('hash', 1000),
  hashRow('percpu_hash', 1000),
  hashRow('lru_hash', 1000),
  hashRow('lru_percpu_hash', 1000),
  {
    title: 'lpm_trie, 1,000',
    map: { ...hashOf('lpm_trie', 1000), keySize: 8, flags: 1 },
    entries: 1000,
    host: ALL,
    programs: ['prefixes'],
  },
  keylessRow('queue', 'push', 'pushes'),
  keylessRow('stack', 'push', 'pushes'),
  keylessRow('bloom_filter', 'member', 'members'),
  outerRow('array_of_maps'),
  outerRow('hash_of_maps'),
  {
    title: 'ringbuf, 16 bytes',
    map: hashOf('hash', 1),
    entries: 1,
    host: [],
    programs: ['produces'],
    rings: ['consume 1 a poll', 'for await', 'consume', 'consumeInPlace', 'consumeBatches'],
  },
  {
    title: 'user_ringbuf, 16 bytes',
    map: hashOf('hash', 1),
    entries: 1,
    host: [],
    programs: ['drains'],
    rings: ['write', 'writeMany'],
  },
  hashRow('hash', 1e6),
]

/** Whether it writes records, for a program that drains them. */
export const isWriting = (operation: RingOperation): operation is 'write' | 'writeMany' =>
  operation === 'write' || operation === 'writeMany'
