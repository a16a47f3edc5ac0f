import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { type Collection, type CollectionSpec, codec, createRuntime, type MapSpec } from './index.ts'

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

/** Programs over a map `m`: `set` updates key 1, `erase` deletes it, `poke` stores through a pointer, `idle` looks it up. */
function spec(map: Partial<MapSpec>): CollectionSpec {
  const key = 'stw [r10-4], 1\nstw [r10-8], 7\nmov r2, r10\nadd r2, -4\nlddw r1, 0\n'
  const value = 'mov r3, r10\nadd r3, -8\nmov r4, 0\n'
  const texts = {
    set: `${key}${value}call 2\nmov r0, 0\nexit`,
    erase: `${key}call 3\nmov r0, 0\nexit`,
    poke: `${key}call 1\njeq r0, 0, +1\nstw [r0+0], 9\nmov r0, 0\nexit`,
    idle: `${key}call 1\nmov r0, 0\nexit`,
  }
  const programs = Object.entries(texts).map(([name, text]) => {
    const insns = assemble(text)
    insns[4 * 8 + 1]! |= 0x10
    const references = [{ insn: 4, kind: 'map' as const, map: 'm' }]
    return { name, section: 'xdp', type: 'xdp', license: 'GPL', insns, references, functions: [], lines: [] }
  })
  const base = { name: 'm', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 4 }
  return { programs, maps: [{ ...base, ...map }], variables: [], license: 'GPL', notes: [] }
}

const run = (collection: Collection, name: string): void =>
  void collection.program(name).testRun({ data: new Uint8Array(64) })

describe.each(['jit', 'interpreter'])('map.watch, on %s', (engine) => {
  it.each(['hash', 'lru_hash', 'percpu_hash', 'percpu_array', 'array'])(
    'sees what programs do to %s, once a run, and what the host does',
    async (type) => {
      const runtime = await createRuntime({ engine })
      const collection = await runtime.load({ ...spec({ type }) })
      const map = collection.map('m')
      const watch = map.watch()
      expect(watch.seesPrograms).toBe(true)
      run(collection, 'idle')
      expect(watch.take()).toEqual([])
      run(collection, 'set')
      expect(watch.take()).toEqual([{ by: 'program', lost: 0 }])
      run(collection, 'set')
      run(collection, 'set')
      expect(watch.take()).toEqual([{ by: 'program', lost: 0 }])
      const key = u32(2)
      map.update(key, new Uint8Array(map.hostValueSize))
      expect(watch.take()).toEqual([{ by: 'host', operation: 'update', key, lost: 0 }])
      run(collection, 'erase')
      const deletes = !type.includes('array')
      expect(watch.take()).toEqual(deletes ? [{ by: 'program', lost: 0 }] : [])
      run(collection, 'idle')
      watch.close()
      run(collection, 'set')
      expect(watch.take()).toEqual([])
      runtime.close()
    },
  )

  it('does not see stores through a pointer, and says what it cannot see', async () => {
    const runtime = await createRuntime({ engine })
    const collection = await runtime.load(spec({ type: 'array' }))
    const watch = collection.map('m').watch()
    run(collection, 'poke')
    expect(collection.map('m').lookup(u32(1))).toEqual(u32(9))
    expect(watch.take()).toEqual([])
    runtime.close()
  })

  it('sees what a batch did, once', async () => {
    const runtime = await createRuntime({ engine })
    const collection = await runtime.load(spec({}))
    const { arena } = runtime
    const watch = collection.map('m').watch()
    const program = collection.program('set', 'xdp')
    const contexts = arena.alloc(64)
    const at = arena.alloc(256) + 64
    for (let n = 0; n < 4; n++) arena.view.setUint32(contexts + 4 * n, at, true)
    expect(program.runBatch(contexts, 4, contexts + 32)).toBe(4)
    expect(watch.take()).toEqual([{ by: 'program', lost: 0 }])
    runtime.close()
  })
})

describe('map.watch', () => {
  it('waits for changes, keeps those of a slow reader, and ends with the map', async () => {
    const runtime = await createRuntime()
    const collection = await runtime.load(spec({}))
    const map = collection.map('m', { key: codec.u32, value: codec.u32 })
    const seen: unknown[] = []
    const reader = (async () => {
      for await (const change of map.watch({ limit: 2 })) seen.push(change)
    })()
    await Promise.resolve()
    map.set(1, 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([{ by: 'host', operation: 'update', key: 1, lost: 0 }])
    for (const n of [1, 2, 3, 4]) map.set(n, n)
    await new Promise((resolve) => setImmediate(resolve))
    map.delete(2)
    run(collection, 'set')
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen.slice(1)).toEqual([
      { by: 'host', operation: 'update', key: 1, lost: 0 },
      { by: 'host', operation: 'update', key: 2, lost: 0 },
      { by: 'host', operation: 'delete', key: 2, lost: 2 },
      { by: 'program', lost: 0 },
    ])
    collection.close()
    await reader
    runtime.close()
  })

  it('tells of the host alone where the type counts nothing', async () => {
    const runtime = await createRuntime()
    const maps = [{ name: 'filter', type: 'bloom_filter', keySize: 0, valueSize: 4, maxEntries: 4 }]
    const collection = await runtime.load({ ...spec({}), programs: [], maps })
    const watch = collection.map('filter').watch()
    expect(watch.seesPrograms).toBe(false)
    collection.map('filter').push(u32(1))
    expect(watch.take()).toEqual([{ by: 'host', operation: 'push', lost: 0 }])
    runtime.close()
  })
})
