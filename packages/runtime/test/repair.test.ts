import type { HostMap } from '@skep/maps'
import { control } from '@skep/registry'
import { describe, expect, it, vi } from 'vitest'
import { createRuntime, mapLayout as layout, type MapSpec, type Runtime } from '../src/index.ts'
import { joinRuntime } from '../src/worker.ts'
import { spec, thrownBy } from './hostile-tools.ts'

// A worker that ends in the middle of a change leaves the map's lock: what it can leave is put there by hand, and `unshare`
// makes the map whole again. The load test (npm run load) ends workers anywhere.

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const ENTRIES = 8

interface Broken {
  readonly map: HostMap
  word(at: number): number
  put(at: number, value: number): void
  /** The worker that holds the lock is gone. */
  end(): void
}

async function broken(map: Omit<MapSpec, 'name'>): Promise<Broken & { runtime: Runtime }> {
  const runtime = await createRuntime({ workers: 1, limit: 16 << 20 })
  const collection = await runtime.load(spec([], [{ name: 'm', ...map }]))
  const handle = runtime.share()
  const worker = await joinRuntime(handle)
  const made = collection.map('m') as HostMap
  const { arena } = runtime
  const word = (at: number): number => arena.u32[at >> 2]!
  const put = (at: number, value: number): void => {
    arena.u32[at >> 2] = value
  }
  const end = (): void => {
    const owner = word(worker.host.control + control.CTL_OWNER)
    put(made.address + layout.MAP_LOCK, owner)
    // Whoever waits for the lock goes on waiting while the map is made whole: it gets no error then.
    const { operation } = made
    const whileRepairing: number[] = []
    const spy = vi.spyOn(made, 'operation').mockImplementation((name) => {
      whileRepairing.push(arena.exports.isGone(owner))
      return operation(name)
    })
    runtime.unshare(handle)
    spy.mockRestore()
    expect([whileRepairing, arena.exports.isGone(owner)]).toEqual([[0], 1])
    expect(word(made.address + layout.MAP_LOCK)).toBe(0)
  }
  return { runtime, map: made, word, put, end }
}

const contents = (map: HostMap): number[][] =>
  [...map.entries()].map(([key, value]) => [key[0]!, value[0]!]).sort(([a], [b]) => a! - b!)

// Of the header of a hash, and of its elements: packages/maps/src/layout/hash.ts.
const [BUCKETS, MASK, TAKEN, SLAB, SPARES, FREED_COUNT] = [132, 128, 196, 208, 212, 204]
const [NEXT, STATE, KEY] = [0, 4, 8]

describe.each([
  ['hash', 0],
  ['hash', layout.BPF_F_NO_PREALLOC],
  ['percpu_hash', 0],
  ['lru_hash', 0],
  ['lru_hash', layout.BPF_F_NO_COMMON_LRU],
] as const)('%s with flags %i', (type, flags) => {
  const lru = type.startsWith('lru')
  const maxEntries = lru ? 64 : ENTRIES
  const open = () => broken({ type, keySize: 4, valueSize: 8, maxEntries, flags })

  it('is whole again, whatever its worker has left', async () => {
    const { runtime, map, word, put, end } = await open()
    const value = (n: number): Uint8Array => new Uint8Array(map.hostValueSize).fill(n)
    for (let n = 0; n < 6; n++) map.update(u32(n), value(n))
    const at = (offset: number): number => word(map.address + offset)
    const buckets = Array.from({ length: at(MASK) + 1 }, (_, n) => at(BUCKETS) + 4 * n)
    const isEnd = (element: number): boolean => element === 0 || (element & 1) !== 0
    const linkOf = (key: number): number => {
      for (let link of buckets) {
        for (; !isEnd(word(link)); link = word(link) + NEXT) if (word(word(link) + KEY) === key) return link
      }
      throw new Error(`no element ${key}`)
    }
    // 5 was unlinked and not given back; 4 was unlinked, and lies before 3 as what replaces that.
    put(linkOf(5), word(word(linkOf(5)) + NEXT))
    const four = word(linkOf(4))
    put(linkOf(4), word(four + NEXT))
    const link = linkOf(3)
    put(four + KEY, 3)
    put(four + NEXT, word(link))
    put(link, four)
    // What was counted, taken or in a list is wrong.
    put(map.address + layout.MAP_COUNT, 3)
    if (at(SLAB) === 0) put(map.address + FREED_COUNT, 7)
    else if (!lru) {
      put(at(SPARES), word(linkOf(1)))
      put(map.address + TAKEN, at(TAKEN) + 1)
    } else {
      const nodes = at(SPARES)
      for (let n = 0; n < 12; n++) put(nodes + 16 * n + 4 * (n & 1), nodes)
      put(word(linkOf(2)) + STATE, 1)
    }
    end()
    const left = [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 4],
    ]
    expect([contents(map), map.size]).toEqual([left, 4])
    // Room for as many as before, and no element is another's.
    for (let n = 0; n < 3; n++) for (const [key] of left) map.update(u32(key!), value(100 + n + key!))
    expect(contents(map)).toEqual(left.map(([key]) => [key, 102 + key!]))
    for (let n = 100; n < 100 + (lru ? 500 : ENTRIES - 4); n++) map.update(u32(n), value(n))
    if (lru) {
      expect(map.size).toBe(contents(map).length)
      expect(map.size).toBeLessThanOrEqual(maxEntries)
      expect(map.size).toBeGreaterThan(maxEntries / 4)
      for (const [key, first] of contents(map)) expect([key! + 102, key]).toContain(first)
    } else {
      expect(thrownBy(() => map.update(u32(200), value(1)))).toMatchObject({ code: 'E2BIG' })
      expect(contents(map).map(([key]) => key)).toEqual([0, 1, 2, 3, 100, 101, 102, 103])
      for (const key of [...map.keys()]) map.delete(key)
      expect([map.size, contents(map)]).toEqual([0, []])
    }
    runtime.close()
  })
})

it('a trie and a queue are whole again', async () => {
  const trie = await broken({
    type: 'lpm_trie',
    keySize: 8,
    valueSize: 4,
    maxEntries: ENTRIES,
    flags: layout.BPF_F_NO_PREALLOC,
  })
  const prefix = (length: number, data: number): Uint8Array =>
    new Uint8Array(Uint32Array.of(length, data).buffer)
  for (let n = 0; n < 5; n++) trie.map.update(prefix(32, n), u32(n))
  trie.map.delete(prefix(32, 4))
  trie.put(trie.map.address + layout.MAP_COUNT, 5)
  trie.put(trie.map.address + layout.MAP_PRIVATE + 8, 9)
  trie.end()
  expect(trie.map.size).toBe(4)
  for (let n = 10; n < 14; n++) trie.map.update(prefix(32, n), u32(n))
  expect(thrownBy(() => trie.map.update(prefix(32, 20), u32(1)))).toMatchObject({ code: 'ENOSPC' })
  expect([...trie.map.keys()]).toHaveLength(ENTRIES)
  trie.runtime.close()

  const queue = await broken({ type: 'queue', keySize: 0, valueSize: 4, maxEntries: 4 })
  for (let n = 0; n < 3; n++) queue.map.push(u32(n))
  queue.put(queue.map.address + layout.MAP_COUNT, 1)
  queue.end()
  expect([queue.map.size, queue.map.pop(), queue.map.pop(), queue.map.pop(), queue.map.pop()]).toEqual([
    3,
    u32(0),
    u32(1),
    u32(2),
    undefined,
  ])
  queue.runtime.close()
})
