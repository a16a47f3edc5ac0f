import { Worker } from 'node:worker_threads'
import { memoryModule } from '@skep/memory'
import { mapLayout as layout } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../test/world.ts'
import { hash } from './hash.ts'
import type { HostMap } from './host-map.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { mapsModule } from './module.ts'
import { percpuArray } from './percpu-array.ts'

/** Runs `body` in a worker for each CPU over the world's memory; it sees maps, alloc, memory, control, cpu, random, u32. */
async function onEveryCpu(world: World, body: string, map: HostMap): Promise<number[]> {
  const source = `
    const { workerData: w, parentPort } = require('node:worker_threads')
    const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
    const control = new WebAssembly.Global({ value: 'i32', mutable: false }, w.control)
    const env = { memory: w.memory, table, control }
    const memory = new WebAssembly.Instance(new WebAssembly.Module(w.memoryBytes), { env }).exports
    const maps = new WebAssembly.Instance(new WebAssembly.Module(w.mapsBytes), { env, memory }).exports
    let state = w.cpu * 7919 + 1
    const random = (n) => ((state = Math.imul(state, 1664525) + 1013904223 >>> 0) >>> 8) % n
    const u32 = () => new Uint32Array(w.memory.buffer)
    const { map, cpu } = w
    parentPort.postMessage((() => { ${body} })())`
  return Promise.all(
    world.controls.map(
      (control, cpu) =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(source, {
            eval: true,
            workerData: {
              memory: world.arena.memory,
              memoryBytes: memoryModule.bytes(true),
              mapsBytes: mapsModule.bytes(true),
              control,
              cpu,
              map: map.address,
            },
          })
          worker.once('message', resolve)
          worker.once('error', reject)
        }),
    ),
  )
}

const STEPS = 40_000

describe('two workers on one map', () => {
  it.each([
    ['preallocated', 0],
    ['not preallocated', layout.BPF_F_NO_PREALLOC],
  ] as const)('lose no element of a hash, %s', async (_, flags) => {
    const world = createWorld({ cpus: 2, shared: true })
    const map = world.create(hash, { valueSize: 4, maxEntries: 256, flags })
    // Each worker owns the keys of its parity; a value always tells its key.
    const body = `
      const key = memory.alloc(8, 16) >>> 0, mine = new Map()
      let bad = 0
      for (let n = 0; n < ${STEPS}; n++) {
        const k = random(100) * 2 + cpu
        u32()[key >> 2] = k
        u32()[(key >> 2) + 1] = k ^ 0x5a5a
        if (random(3)) { if (maps.hash_update4(map, key, key + 4, 0n) !== 0) bad++; mine.set(k, true) }
        else if ((maps.hash_delete4(map, key) === 0) !== mine.delete(k)) bad++
        const any = random(200)
        u32()[key >> 2] = any
        const at = maps.hash_lookup4(map, key) >>> 0
        if (any % 2 === cpu && (at !== 0) !== mine.has(any)) bad++
        if (at !== 0 && any % 2 === cpu && u32()[at >> 2] !== (any ^ 0x5a5a)) bad++
      }
      return bad * 1e6 + mine.size`
    const results = await onEveryCpu(world, body, map)
    expect(results.every((r) => r < 1e6)).toBe(true)
    expect(map.size).toBe(results[0]! + results[1]!)
    expect([...map.keys()].length).toBe(map.size)
    expect(world.arena.exports.check()).toBe(0)
  })

  it('keep an LRU whole', async () => {
    const world = createWorld({ cpus: 2, shared: true })
    const map = world.create(lruHash, { valueSize: 4, maxEntries: 64 })
    const body = `
      const key = memory.alloc(8, 16) >>> 0
      let bad = 0
      for (let n = 0; n < ${STEPS}; n++) {
        u32()[key >> 2] = random(300)
        if (maps.lru_hash_lookup4(map, key) === 0 && maps.hash_update4(map, key, key, 0n) !== 0) bad++
        if (random(8) === 0) maps.hash_delete4(map, key)
      }
      return bad`
    expect(await onEveryCpu(world, body, map)).toEqual([0, 0])
    const entries = [...map.entries()]
    expect(entries.length).toBe(map.size)
    expect(map.size).toBeLessThanOrEqual(64)
    for (const [key, value] of entries) expect(value).toEqual(key)
  })

  it('keep a trie whole', async () => {
    const world = createWorld({ cpus: 2, shared: true })
    const map = world.create(lpmTrie, { keySize: 8, valueSize: 4, maxEntries: 4096, flags: 1 })
    const body = `
      const key = memory.alloc(16, 16) >>> 0, mine = new Set()
      let bad = 0
      for (let n = 0; n < ${STEPS / 2}; n++) {
        const data = (random(64) << 1 | cpu) << 25 >>> 0
        u32()[key >> 2] = 32
        u32()[(key >> 2) + 1] = (data >>> 24) | (data >>> 8 & 0xff00)
        if (random(2)) { if (maps.lpm_trie_update(map, key, key + 4, 0n) !== 0) bad++; mine.add(data) }
        else if ((maps.lpm_trie_delete(map, key) === 0) !== mine.delete(data)) bad++
        if ((maps.lpm_trie_lookup4(map, key) !== 0) !== mine.has(data)) bad++
      }
      return bad * 1e6 + mine.size`
    const results = await onEveryCpu(world, body, map)
    expect(results.every((r) => r < 1e6)).toBe(true)
    expect(map.size).toBe(results[0]! + results[1]!)
    expect([...map.keys()].length).toBe(map.size)
  })

  it('count on their own values of a per-CPU array', async () => {
    const world = createWorld({ cpus: 2, shared: true })
    const map = world.create(percpuArray, { valueSize: 4, maxEntries: 3 })
    const body = `
      const key = memory.alloc(4, 16) >>> 0
      for (let n = 0; n < ${STEPS}; n++) {
        u32()[key >> 2] = n % 3
        u32()[maps.percpu_array_lookup(map, key) >>> 2]++
      }
      return 0`
    await onEveryCpu(world, body, map)
    let total = 0
    for (const [, value] of map) {
      const words = new DataView(value.buffer)
      total += words.getUint32(0, true) + words.getUint32(8, true)
    }
    expect(total).toBe(2 * STEPS)
  })
})
