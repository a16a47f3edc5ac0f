import { mapLayout as layout, type MapSpec, type MapTypeDef } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import { bloomFilter } from './bloom-filter.ts'
import { hasContents, readContents, writeContents } from './contents.ts'
import { hash } from './hash.ts'
import type { HostMap } from './host-map.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { lruPercpuHash } from './lru-percpu-hash.ts'
import { percpuArray } from './percpu-array.ts'
import { percpuHash } from './percpu-hash.ts'
import { progArray } from './prog-array.ts'
import { queue, stack } from './queue-stack.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)
const sorted = (map: HostMap): string[] => [...map].map((e) => e.join('|')).sort()

describe('contents of maps', () => {
  const noPrealloc = { flags: layout.BPF_F_NO_PREALLOC }
  it.each<[string, MapTypeDef, Partial<MapSpec>]>([
    ['array', array, { maxEntries: 200 }],
    ['hash', hash, {}],
    ['hash without preallocation', hash, noPrealloc],
    ['lru_hash', lruHash, {}],
    ['percpu_array', percpuArray, { maxEntries: 200 }],
    ['percpu_hash', percpuHash, {}],
    ['lpm_trie', lpmTrie, { keySize: 8, ...noPrealloc }],
  ])('%s: what is read from one map is what another then holds', (_name, def, more) => {
    const world = createWorld({ cpus: 2 })
    const spec = { keySize: 4, valueSize: 4, maxEntries: 300, ...more }
    const [from, to] = [world.create(def, spec), world.create(def, spec)]
    for (let n = 0; n < 200; n++) {
      const value = new Uint8Array(from.hostValueSize).fill(n + 1)
      from.update(spec.keySize === 8 ? u32(32, n) : u32(n), value)
    }
    writeContents(to, readContents(from))
    expect(to.size).toBe(from.size)
    expect(sorted(to)).toEqual(sorted(from))
    expect(sorted(to)[150]).not.toBe('')
  })

  it.each([
    ['lru_hash', lruHash, 0],
    ['lru_hash with lists of CPUs', lruHash, layout.BPF_F_NO_COMMON_LRU],
    ['lru_percpu_hash with lists of CPUs', lruPercpuHash, layout.BPF_F_NO_COMMON_LRU],
  ] as const)('%s: all that a full one holds, and each CPU goes on', (_name, def, flags) => {
    const world = createWorld({ cpus: 2 })
    const spec = { valueSize: 4, maxEntries: 230, flags }
    const [from, to] = [world.create(def, spec), world.create(def, spec)]
    const key = world.arena.alloc(8)
    const insert = (map: HostMap, cpu: number, n: number): void => {
      world.arena.u32[key >> 2] = n
      expect(world.exports[cpu]!['hash_update4']!(map.address, key, key, 0n)).toBe(0)
    }
    for (let n = 0; n < 285; n++) insert(from, flags === 0 ? 0 : n & 1, n)
    expect(from.size).toBeGreaterThan(220)
    writeContents(to, readContents(from))
    expect(sorted(to)).toEqual(sorted(from))
    for (const cpu of [0, 1]) for (let n = 1000; n < 1500; n++) insert(to, cpu, n)
    expect(to.size).toBeLessThanOrEqual(230)
  })

  it.each([queue, stack])('$name: in the same order, wherever its ring begins', (def) => {
    const world = createWorld()
    const spec = { keySize: 0, valueSize: 4, maxEntries: 4 }
    const [from, to] = [world.create(def, spec), world.create(def, spec)]
    for (const n of [1, 2, 3]) from.push(u32(n))
    from.pop()
    for (const n of [4, 5]) from.push(u32(n))
    writeContents(to, readContents(from))
    const all = (map: HostMap): unknown[] => [map.pop(), map.pop(), map.pop(), map.pop(), map.pop()]
    const values = all(from)
    expect(values[4]).toBeUndefined()
    expect(all(to)).toEqual(values)
  })

  it('bloom_filter: what was pushed, under another secret', () => {
    const world = createWorld()
    const spec = { keySize: 0, valueSize: 4, maxEntries: 100 }
    const [from, to] = [world.create(bloomFilter, spec), world.create(bloomFilter, spec)]
    for (let n = 0; n < 50; n++) from.push(u32(n))
    expect(to.includes(u32(7))).toBe(false)
    writeContents(to, readContents(from))
    for (let n = 0; n < 1000; n++) expect(to.includes(u32(n))).toBe(from.includes(u32(n)))
  })

  it('refuses what is no bytes, what the host may not reach, and other sizes', () => {
    const world = createWorld()
    const programs = world.create(progArray, { keySize: 4, valueSize: 4 })
    expect(hasContents(programs)).toBe(false)
    expect(() => readContents(programs)).toThrow(expect.objectContaining({ code: 'ENOTSUPP' }))
    const closed = world.create(hash, { valueSize: 4, flags: layout.BPF_F_RDONLY })
    expect(() => readContents(closed)).toThrow(expect.objectContaining({ code: 'EPERM' }))
    const [small, large] = [world.create(hash, { valueSize: 4 }), world.create(hash, { valueSize: 8 })]
    expect(() => writeContents(large, readContents(small))).toThrow(
      expect.objectContaining({ code: 'EINVAL', operation: 'writeContents' }),
    )
  })
})
