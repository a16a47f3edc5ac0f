import { mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import type { MapBatch } from './batch.ts'
import { hash } from './hash.ts'
import type { HostMap } from './host-map.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { percpuArray } from './percpu-array.ts'
import { percpuHash } from './percpu-hash.ts'

const COUNT = 6000

/** Keys of `count` elements; those of a trie have their length first. */
const keysOf = (map: HostMap, count: number): Uint8Array =>
  new Uint8Array(
    Uint32Array.from({ length: (count * map.keySize) / 4 }, (_, n) =>
      map.keySize === 4 ? n : n % 2 ? Math.imul(n, 0x9e3779b1) : 32,
    ).buffer,
  )

const valuesOf = (map: HostMap, count: number): Uint8Array =>
  Uint8Array.from({ length: count * map.hostValueSize }, (_, n) => n % 251)

/** Key and value of each element, as text. */
function elements(
  map: HostMap,
  { keys, values, count }: Pick<MapBatch, 'keys' | 'values' | 'count'>,
): string[] {
  const hex = (bytes: Uint8Array, size: number, n: number): string =>
    Buffer.from(bytes.subarray(n * size, (n + 1) * size)).toString('hex')
  return Array.from(
    { length: count },
    (_, n) => `${hex(keys, map.keySize, n)} ${hex(values, map.hostValueSize, n)}`,
  )
}

function walk(map: HostMap, count: number, remove = false): string[] {
  const all: string[] = []
  let from: Uint8Array | undefined
  do {
    const part = map.lookupBatch(count, from, { delete: remove })
    expect(part.count).toBeLessThanOrEqual(count)
    expect([part.keys.length, part.values.length]).toEqual([
      part.count * map.keySize,
      part.count * map.hostValueSize,
    ])
    all.push(...elements(map, part))
    from = part.next
  } while (from)
  return all
}

const types = (
  [
    [array, 4, 8],
    [array, 4, 12],
    [percpuArray, 4, 8],
    [hash, 4, 8],
    [hash, 4, 20],
    [percpuHash, 4, 12],
    [lruHash, 4, 8],
    [lpmTrie, 8, 8],
  ] as readonly (readonly [MapTypeDef, number, number])[]
).map(([def, ...sizes]) => [def.name, def, ...sizes] as const)

describe.each([
  ['unshared', false],
  ['shared', true],
] as const)('batches, %s', (_, shared) => {
  it.each(types)('of %s, more than one step takes', (_, def, keySize, valueSize) => {
    const world = createWorld({ cpus: 2, shared })
    const flags = def === lpmTrie ? layout.BPF_F_NO_PREALLOC : 0
    // An LRU may let go of elements before it is full.
    const maxEntries = def === lruHash ? 2 * COUNT : COUNT
    const map = world.create(def, { keySize, valueSize, maxEntries, flags })
    const [keys, values] = [keysOf(map, COUNT), valuesOf(map, COUNT)]
    const before = world.arena.count
    expect(map.updateBatch(keys, values)).toEqual({ count: COUNT })
    expect(map.size).toBe(COUNT)
    const expected = elements(map, { keys, values, count: COUNT }).sort()
    expect(walk(map, COUNT).sort()).toEqual(expected)
    expect(walk(map, 700).sort()).toEqual(expected)
    const [key] = [keys.slice(0, keySize)]
    expect(map.lookup(key)).toEqual(values.slice(0, map.hostValueSize))
    if (def === hash || def === percpuHash || def === lruHash) {
      expect(walk(map, 700, true).sort()).toEqual(expected)
      expect([map.size, map.lookup(key), walk(map, 10)]).toEqual([0, undefined, []])
      expect(map.updateBatch(keys, values)).toEqual({ count: COUNT })
      expect(map.size).toBe(COUNT)
    }
    if (!def.batches?.includes('delete')) return
    const most = keys.slice(keySize)
    expect(map.deleteBatch(most)).toEqual({ count: COUNT - 1 })
    expect(walk(map, 10)).toEqual(elements(map, { keys, values, count: 1 }))
    expect(map.deleteBatch(most)).toMatchObject({ count: 0, error: { code: 'ENOENT' } })
    if (def === hash) expect(world.arena.count).toBe(before)
  })

  it('counts what the map took before it was full', () => {
    const map = createWorld({ shared }).create(hash, { maxEntries: 5800 })
    const keys = keysOf(map, COUNT)
    expect(map.updateBatch(keys, valuesOf(map, COUNT))).toMatchObject({
      count: 5800,
      error: { code: 'E2BIG', operation: 'update' },
    })
    expect(map.deleteBatch(keys)).toMatchObject({
      count: 5800,
      error: { code: 'ENOENT', operation: 'deleteBatch' },
    })
    expect(map.size).toBe(0)
  })

  it('tells who watches the map of each element', () => {
    const map = createWorld({ shared }).create(hash, {})
    const seen: string[] = []
    map.onChange(({ operation, key }) => seen.push(`${operation} ${key?.[0]}`))
    const keys = keysOf(map, 3)
    map.updateBatch(keys, valuesOf(map, 3))
    map.deleteBatch(keys.subarray(0, 4))
    map.lookupBatch(8, undefined, { delete: true })
    expect(seen.slice(0, 4)).toEqual(['update 0', 'update 1', 'update 2', 'delete 0'])
    expect(seen.slice(4).sort()).toEqual(['delete 1', 'delete 2'])
    expect(map.arena.u32[(map.address + layout.MAP_CHANGES) >> 2]).toBe(6)
  })
})

describe('lookupBatch', () => {
  it('takes no place that it did not give', () => {
    const world = createWorld()
    const map = world.create(hash, {})
    map.update(new Uint8Array(4), new Uint8Array(8))
    const trie = world.create(lpmTrie, { keySize: 8, flags: 1 })
    trie.update(new Uint8Array(8), new Uint8Array(8))
    for (const from of [new Uint8Array(3), new Uint8Array(5)]) {
      expect(() => map.lookupBatch(1, from)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
      expect(() => trie.lookupBatch(1, from)).toThrow(
        /from has . bytes; give the next of the batch before, which has 8/,
      )
    }
    const far = new Uint8Array(4).fill(255)
    for (const def of [array, percpuArray, hash])
      expect(world.create(def, {}).lookupBatch(4, far)).toMatchObject({ count: 0, next: undefined })
  })

  it('goes on where there is no memory for a block, one element at a time', () => {
    const world = createWorld({ limit: 1 << 20 })
    const map = world.create(hash, { maxEntries: 5000 })
    const free = world.arena.limit - world.arena.used
    const ballast = world.arena.alloc(free - 4096)
    expect(map.updateBatch(keysOf(map, 5000), valuesOf(map, 5000))).toEqual({ count: 5000 })
    expect(map.deleteBatch(keysOf(map, 5000))).toEqual({ count: 5000 })
    world.arena.free(ballast)
  })
})
