import { mapLayout as layout } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../test/world.ts'
import type { HostMap } from './host-map.ts'
import { lruHash } from './lru-hash.ts'
import { lruPercpuHash } from './lru-percpu-hash.ts'

/** What a program does with an LRU map of u32 keys: look up, and insert what is not there. */
class Cache {
  readonly #world: World
  readonly #map: HostMap
  readonly #key: number

  constructor(world: World, map: HostMap) {
    this.#world = world
    this.#map = map
    this.#key = world.arena.alloc(16)
  }

  touch(key: number): boolean {
    this.#world.arena.u32[this.#key >> 2] = key
    return this.#world.exports[0]!['lru_hash_lookup4']!(this.#map.address, this.#key) !== 0
  }

  insert(key: number): number {
    this.#world.arena.u32[this.#key >> 2] = key
    return this.#world.exports[0]!['hash_update4']!(this.#map.address, this.#key, this.#key, 0n)
  }

  /** Whether it is there, without a mark. */
  has(key: number): boolean {
    return this.#map.lookupAddress(key) !== 0
  }
}

const random = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** Keys of which few are asked for often: weight 1 / rank^0.9. */
function zipf(count: number, next: () => number): () => number {
  const sums: number[] = []
  let total = 0
  for (let n = 1; n <= count; n++) sums.push((total += n ** -0.9))
  return () => {
    const at = next() * total
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < at) low = middle + 1
      else high = middle
    }
    return low
  }
}

describe('lru_hash', () => {
  it('is never full, and never holds more than max_entries', () => {
    for (const maxEntries of [1, 2, 7, 100]) {
      for (const flags of [0, layout.BPF_F_NO_COMMON_LRU]) {
        const world = createWorld()
        const map = world.create(lruHash, { maxEntries, valueSize: 4, flags })
        const cache = new Cache(world, map)
        for (let n = 0; n < 1000; n++) {
          expect(cache.insert(n)).toBe(0)
          expect(cache.has(n)).toBe(true)
          expect(map.size).toBeLessThanOrEqual(maxEntries)
        }
        expect([...map.keys()].length).toBe(map.size)
      }
    }
  })

  it('gives up what nobody looked up since, and keeps what a program did', () => {
    const world = createWorld()
    const map = world.create(lruHash, { maxEntries: 64, valueSize: 4 })
    const cache = new Cache(world, map)
    for (let n = 0; n < 64; n++) cache.insert(n)
    for (let n = 0; n < 64; n += 2) expect(cache.touch(n)).toBe(true)
    for (let n = 100; n < 132; n++) cache.insert(n)
    for (let n = 0; n < 64; n++) expect(cache.has(n), `${n}`).toBe(n % 2 === 0)
  })

  it('takes a replaced element for one in use, and leaves no mark for the host', () => {
    const world = createWorld()
    const map = world.create(lruHash, { maxEntries: 8, valueSize: 4 })
    const cache = new Cache(world, map)
    for (let n = 0; n < 8; n++) cache.insert(n)
    cache.insert(3)
    map.lookup(new Uint8Array([5, 0, 0, 0]))
    for (let n = 100; n < 107; n++) cache.insert(n)
    expect(cache.has(3)).toBe(true)
    expect(cache.has(5)).toBe(false)
    expect(map.size).toBe(8)
  })

  it('hits nearly as often as an exact LRU', () => {
    const world = createWorld()
    const map = world.create(lruHash, { maxEntries: 1000, valueSize: 4 })
    const cache = new Cache(world, map)
    const exact = new Map<number, true>()
    const pick = zipf(20_000, random(7))
    let [hits, exactHits] = [0, 0]
    for (let n = 0; n < 100_000; n++) {
      const key = pick()
      if (cache.touch(key)) hits++
      else cache.insert(key)
      if (exact.delete(key)) exactHits++
      else if (exact.size === 1000) exact.delete(exact.keys().next().value!)
      exact.set(key, true)
    }
    expect(hits).toBeGreaterThan(0.98 * exactHits)
  })

  it('keeps what is in use through a scan of keys that come once', () => {
    const world = createWorld()
    const cache = new Cache(world, world.create(lruHash, { maxEntries: 1000, valueSize: 4 }))
    for (let n = 0; n < 500; n++) cache.insert(n)
    let lost = 0
    for (let n = 0; n < 50_000; n++) {
      const hot = n % 500
      if (!cache.touch(hot)) {
        lost++
        cache.insert(hot)
      }
      cache.insert(1_000_000 + n)
    }
    expect(lost).toBeLessThan(500)
  })

  it('makes several elements free at once, as the kernel: half of a CPU’s share, 128 at most', () => {
    const world = createWorld({ cpus: 2 })
    const map = world.create(lruHash, { maxEntries: 64, valueSize: 4 })
    const cache = new Cache(world, map)
    for (let n = 0; n < 64; n++) cache.insert(n)
    expect(map.size).toBe(64)
    cache.insert(64)
    expect(map.size).toBe(49)
    for (let n = 0; n < 16; n++) expect(cache.has(n)).toBe(false)
  })

  it('gives each CPU a list of its own with BPF_F_NO_COMMON_LRU', () => {
    const world = createWorld({ cpus: 2 })
    const map = world.create(lruHash, { maxEntries: 5, valueSize: 4, flags: layout.BPF_F_NO_COMMON_LRU })
    expect(map.maxEntries).toBe(6)
    const cache = new Cache(world, map)
    for (let n = 0; n < 100; n++) expect(cache.insert(n)).toBe(0)
    expect(map.size).toBeLessThanOrEqual(3)
  })

  it('goes on when a program wrote over keys that it must not touch', () => {
    const world = createWorld()
    const map = world.create(lruHash, { maxEntries: 16, valueSize: 4 })
    const cache = new Cache(world, map)
    for (let n = 0; n < 16; n++) cache.insert(n)
    for (let n = 0; n < 8; n++) world.arena.view.setUint32(map.lookupAddress(n) - 8, 0xdead0000 + n, true)
    for (let n = 100; n < 200; n++) {
      expect(cache.insert(n)).toBe(0)
      expect(cache.has(n)).toBe(true)
    }
  })
})

describe('lru_percpu_hash', () => {
  it('zeroes every CPU’s value of an element that it uses again', () => {
    const world = createWorld({ cpus: 2 })
    const map = world.create(lruPercpuHash, { maxEntries: 2, valueSize: 4 })
    const key = world.arena.alloc(8)
    for (let n = 0; n < 6; n++) {
      map.update(new Uint8Array([n, 0, 0, 0]), new Uint8Array(16).fill(0xff))
    }
    world.arena.u32[key >> 2] = 77
    world.arena.u32[(key >> 2) + 1] = 5
    expect(world.exports[1]!['hash_update4']!(map.address, key, key + 4, 0n)).toBe(0)
    expect(map.lookup(new Uint8Array([77, 0, 0, 0]))).toEqual(
      Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]),
    )
    expect(map.size).toBe(2)
  })
})
