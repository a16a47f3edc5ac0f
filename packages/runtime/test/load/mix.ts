import { type HostMap, MapError } from '@skep/maps'
import type { Collection, Program, Runtime } from '../../src/index.ts'
import type { WorkerRuntime } from '../../src/worker.ts'

/** The programs of testdata/load.bpf.c. */
export const programs = ['hash', 'lru', 'trie', 'report', 'percpu', 'fifo', 'lock'] as const
/** What the host does, besides. */
export const chores = ['elements', 'sparse', 'recent', 'routes', 'cpus', 'values', 'walks'] as const
export type Work = (typeof programs)[number] | (typeof chores)[number]
export const works: readonly Work[] = [...programs, ...chores]

/** What the host did that counts: elements that came to be in a map less those that went. */
export type Balance = Partial<Record<'hash' | 'routes' | 'own_flows' | 'queue', number>>

export interface Done {
  readonly balance: Balance
  readonly bursts: number
  /** Errors that ended an operation, by `map: code`. */
  readonly errors: Readonly<Record<string, number>>
}

const CONTEXTS = 50
const CHORES = 20
const BPF_NOEXIST = 1

const key32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const wide = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n, 0).buffer)
const mark = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(~n, n).buffer)

/** Whether a value is one that the programs and this file write. */
export const isWhole = (value: Uint8Array): boolean => {
  const [low, high] = new Uint32Array(value.buffer.slice(value.byteOffset, value.byteOffset + 8))
  return (low === 0 && high === 0) || high === ~low! >>> 0
}

/** Mixed work of one thread: programs of all kinds of maps, and the host on the same maps. */
export class Mix {
  readonly #runtime: Runtime | WorkerRuntime
  readonly #maps: ReadonlyMap<string, HostMap>
  readonly #programs: ReadonlyMap<string, Program>
  readonly #contexts: number
  readonly #results: number
  readonly #balance: Record<keyof Balance, number> = { hash: 0, routes: 0, own_flows: 0, queue: 0 }
  readonly #errors: Record<string, number> = {}
  #state: number
  #bursts = 0
  /** Values that were torn. */
  torn = 0

  constructor(runtime: Runtime | WorkerRuntime, collection: Collection, seed: number) {
    this.#runtime = runtime
    this.#state = seed >>> 0 || 1
    this.#maps = collection.maps as ReadonlyMap<string, HostMap>
    this.#programs = collection.programs
    const { arena, platform } = runtime
    const context = platform.programTypes.byName('xdp')!.testRun!(arena, { data: new Uint8Array(64) })
    this.#contexts = arena.alloc(4 * CONTEXTS)
    this.#results = arena.alloc(4 * CONTEXTS)
    arena.u32.fill(context.address, this.#contexts >> 2, (this.#contexts >> 2) + CONTEXTS)
  }

  get done(): Done {
    return { balance: { ...this.#balance }, bursts: this.#bursts, errors: { ...this.#errors } }
  }

  /** xorshift32 (Marsaglia, 2003). */
  #random(below: number): number {
    let n = this.#state
    n ^= n << 13
    n ^= n >>> 17
    n ^= n << 5
    this.#state = n >>> 0
    return this.#state % below
  }

  #map(name: string): HostMap {
    return this.#maps.get(name)!
  }

  /** A piece of work of less than a millisecond; any kind unless one is asked for. */
  burst(kind: Work = works[this.#random(works.length)]!): void {
    this.#bursts++
    const program = this.#programs.get(kind)
    if (program) {
      program.runBatch(this.#contexts, CONTEXTS, this.#results)
      return
    }
    for (let n = 0; n < CHORES; n++) {
      try {
        this.#chores[kind as (typeof chores)[number]]()
      } catch (error) {
        if (!(error instanceof MapError)) throw error
        const what = `${error.map}: ${error.code}`
        this.#errors[what] = (this.#errors[what] ?? 0) + 1
      }
    }
  }

  readonly #chores: Readonly<Record<(typeof chores)[number], () => void>> = {
    elements: () => this.#elements('flows', key32(this.#random(1024)), 8),
    sparse: () => this.#elements('sparse', wide(this.#random(1024)), 8),
    routes: () => this.#elements('routes', this.#prefix(), 8),
    cpus: () => this.#elements('own_flows', key32(this.#random(512)), this.#map('own_flows').hostValueSize),
    recent: () => this.#recent(),
    values: () => this.#values(),
    walks: () => this.#walks(),
  }

  #prefix(): Uint8Array {
    const length = 8 + 3 * this.#random(8)
    return new Uint8Array(Uint32Array.of(length, this.#random(2 ** 31) & 0x1f0000ff).buffer)
  }

  #count(map: string, by: number): void {
    this.#balance[(map === 'flows' || map === 'sparse' ? 'hash' : map) as keyof Balance] += by
  }

  /** Elements come and go, counted. */
  #elements(name: string, key: Uint8Array, bytes: number): void {
    const map = this.#map(name)
    switch (this.#random(6)) {
      case 0:
      case 1: {
        const value = new Uint8Array(bytes)
        for (let at = 0; at < bytes; at += 8) value.set(mark(this.#random(1024)), at)
        try {
          map.update(key, value, BPF_NOEXIST)
        } catch (error) {
          // EEXIST, or E2BIG of a full map: nothing came to be.
          if (error instanceof MapError && (error.code === 'EEXIST' || error.code === 'E2BIG')) return
          if (error instanceof MapError && error.code === 'ENOSPC') return
          throw error
        }
        this.#count(name, 1)
        return
      }
      case 2:
        if (map.delete(key)) this.#count(name, -1)
        return
      case 3:
        if (name === 'routes') {
          if (map.delete(key)) this.#count(name, -1)
        } else if (map.lookupAndDelete(key)) {
          this.#count(name, -1)
        }
        return
      case 4: {
        const keys = new Uint8Array(4 * key.length)
        for (let n = 0; n < 4; n++)
          keys.set(n === 0 ? key : map.keySize === 8 ? wide(n) : key32(n), n * key.length)
        const { count, error } = map.deleteBatch(keys)
        this.#count(name, -count)
        if (error && error.code !== 'ENOENT') throw error
        return
      }
      default: {
        const value = map.lookup(key)
        if (value && !isWhole(value)) this.torn++
      }
    }
  }

  #recent(): void {
    const map = this.#map(this.#random(4) === 0 ? 'own_recent' : 'recent')
    const key = key32(this.#random(256))
    const value = new Uint8Array(map.hostValueSize)
    for (let at = 0; at < value.length; at += 8) value.set(mark(key[0]!), at)
    switch (this.#random(4)) {
      case 0:
        map.delete(key)
        return
      case 1: {
        const found = map.lookup(key)
        if (found && !isWhole(found)) this.torn++
        return
      }
      default:
        map.update(key, value)
    }
  }

  #values(): void {
    const map = this.#map('queue')
    if (this.#random(2) === 0) {
      try {
        map.push(mark(this.#random(1024)))
        this.#count('queue', 1)
      } catch (error) {
        if (!(error instanceof MapError && error.code === 'E2BIG')) throw error
      }
      return
    }
    const value = map.pop()
    if (!value) return
    this.#count('queue', -1)
    if (!isWhole(value)) this.torn++
  }

  /** Walks of all kinds, none of which may fail or go on for ever. */
  #walks(): void {
    const map = this.#map(['flows', 'sparse', 'recent', 'routes', 'own_flows'][this.#random(5)]!)
    switch (this.#random(16)) {
      case 0: {
        let seen = 0
        for (const _ of map.keys()) if (++seen > 4 * map.maxEntries) this.torn++
        return
      }
      case 1: {
        let from: Uint8Array | undefined
        do from = map.lookupBatch(1024, from).next
        while (from)
        return
      }
      default:
        map.nextKey(
          this.#random(2) === 0 ? undefined : map.keySize === 8 ? wide(this.#random(1024)) : key32(1),
        )
    }
  }

  close(): void {
    this.#runtime.arena.free(this.#contexts)
    this.#runtime.arena.free(this.#results)
  }
}
