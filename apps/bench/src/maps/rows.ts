import type { MapSpec } from '@skep/runtime'
import type { HostOperation } from './calls.ts'

/** Programs of `programs/map_loops.bpf.c`. */
export type LoopProgram = 'lookups' | 'updates' | 'inserts' | 'iterates' | 'produces'

/** A map, and what is timed on it. */
export interface MapRow {
  readonly title: string
  readonly map: Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'> & {
    readonly type: string
    readonly flags?: number
  }
  /** Keys 0 … entries - 1 are in it. */
  readonly entries: number
  readonly host: readonly HostOperation[]
  readonly programs: readonly LoopProgram[]
}

/** Room for keys that come and go. */
export const FRESH = 4096

const hashOf = (type: string, entries: number): MapRow['map'] => ({
  type,
  keySize: 4,
  valueSize: 8,
  maxEntries: entries + FRESH,
})
const ALL: readonly HostOperation[] = ['lookup', 'update', 'insert', 'delete', 'iterate', 'batch']
const LOOPS: readonly LoopProgram[] = ['lookups', 'updates', 'inserts', 'iterates']

/** The large one comes last: its memory is given back before the process ends. */
export const rows: readonly MapRow[] = [
  {
    title: 'array, 1,000',
    map: { type: 'array', keySize: 4, valueSize: 8, maxEntries: 1000 },
    entries: 1000,
    host: ['lookup', 'update', 'iterate', 'batch'],
    programs: ['lookups', 'updates', 'iterates'],
  },
  { title: 'hash, 1,000', map: hashOf('hash', 1000), entries: 1000, host: ALL, programs: LOOPS },
  {
    title: 'percpu_hash, 1,000',
    map: hashOf('percpu_hash', 1000),
    entries: 1000,
    host: ALL,
    programs: LOOPS,
  },
  { title: 'lru_hash, 1,000', map: hashOf('lru_hash', 1000), entries: 1000, host: ALL, programs: LOOPS },
  {
    title: 'lpm_trie, 1,000',
    map: { ...hashOf('lpm_trie', 1000), keySize: 8, flags: 1 },
    entries: 1000,
    host: ['lookup', 'update', 'insert', 'delete'],
    programs: [],
  },
  {
    title: 'queue',
    map: { type: 'queue', keySize: 0, valueSize: 8, maxEntries: 1000 },
    entries: 0,
    host: ['push'],
    programs: [],
  },
  {
    title: 'ringbuf, 16 bytes',
    map: hashOf('hash', 1),
    entries: 1,
    host: [],
    programs: ['produces'],
  },
  { title: 'hash, 1,000,000', map: hashOf('hash', 1e6), entries: 1e6, host: ALL, programs: LOOPS },
]
