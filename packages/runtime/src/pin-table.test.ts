import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { attachXdp } from '@skep/hook-xdp'
import { assemble } from '@skep/isa'
import type { HostMap } from '@skep/maps'
import { createDevicePair } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import {
  type Collection,
  type CollectionSpec,
  codec,
  createRuntime,
  type MapSpec,
  PinError,
  type PinStore,
  type Program,
  parseElf,
} from './index.ts'

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const counts: MapSpec = { name: 'counts', type: 'array', keySize: 4, valueSize: 8, maxEntries: 2 }
const byName: MapSpec = { ...counts, pinning: 'by_name' }

/** A program that adds 1 to the map's element 0, and returns what it was. */
function counting(map: MapSpec = counts): CollectionSpec {
  const insns = assemble(`
    stw [r10-4], 0
    mov r2, r10
    add r2, -4
    lddw r1, 0
    call 1
    jeq r0, 0, +3
    ldxdw r1, [r0+0]
    add r1, 1
    stxdw [r0+0], r1
    jeq r0, 0, +1
    mov r0, r1
    exit`)
  insns[3 * 8 + 1]! |= 0x10
  const references = [{ insn: 3, kind: 'map' as const, map: map.name }]
  const program = { name: 'count', section: 'xdp', type: 'xdp', license: 'GPL', insns, references }
  return {
    programs: [{ ...program, functions: [], lines: [] }],
    maps: [map],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const run = (program: Program): number => program.testRun({ data: new Uint8Array(64) }).retval
const memoryStore = (): PinStore & { readonly files: Map<string, Uint8Array> } => {
  const files = new Map<string, Uint8Array>()
  return {
    files,
    get: (path) => files.get(path),
    set: (path, bytes) => void files.set(path, bytes),
    delete: (path) => void files.delete(path),
  }
}
const refusal = (code: string, more: object = {}): unknown => expect.objectContaining({ code, ...more })

describe.each(['jit', 'interpreter'])('pins, on %s', (engine) => {
  const first = (collection: Collection, name = 'counts'): bigint | undefined =>
    collection.map(name, { key: codec.u32, value: codec.u64 }).get(0)

  it('a map outlives its collection, and its memory does not outlive the pin', async () => {
    const runtime = await createRuntime({ engine })
    await (await runtime.load(counting())).close()
    const before = runtime.arena.count
    const one = await runtime.load(counting())
    run(one.program())
    const map = one.map('counts')
    await map.pin('/sys/fs/bpf/counts')
    one.close()
    expect(map.closed).toBe(false)
    expect(await runtime.openPin('sys/fs/bpf/counts')).toBe(map)
    expect(runtime.pins).toEqual([{ path: 'sys/fs/bpf/counts', object: map, stored: false }])
    map.update(u32(0), new Uint8Array(BigUint64Array.of(9n).buffer))
    await runtime.unpin('sys/fs/bpf/counts')
    expect(map.closed).toBe(true)
    expect(runtime.arena.count).toBe(before)
    runtime.close()
  })

  it('LIBBPF_PIN_BY_NAME: the next collection goes on with the same map', async () => {
    const runtime = await createRuntime({ engine })
    const before = await runtime.load(counting(byName), { pinRoot: 'tenant' })
    expect([run(before.program()), run(before.program())]).toEqual([1, 2])
    before.close()
    const [one, two] = await Promise.all([
      runtime.load(counting(byName), { pinRoot: 'tenant' }),
      runtime.load(counting(byName), { pinRoot: 'tenant' }),
    ])
    expect(one.map('counts')).toBe(two.map('counts'))
    expect([run(one.program()), run(two.program())]).toEqual([3, 4])
    one.close()
    expect(run(two.program())).toBe(5)
    await runtime.unpin('tenant/counts')
    expect(run(two.program())).toBe(6)
    const other = await runtime.load(counting(byName), { pinRoot: 'elsewhere' })
    expect(first(other)).toBe(0n)
    runtime.close()
  })

  it('another definition is refused, and the error says which attribute differs', async () => {
    const runtime = await createRuntime({ engine })
    await runtime.load(counting(byName))
    const before = runtime.arena.count
    for (const [change, attribute] of [
      [{ valueSize: 16 }, 'value_size'],
      [{ maxEntries: 3 }, 'max_entries'],
      [{ flags: 0x400 }, 'map_flags'],
      [{ type: 'hash' }, 'type'],
    ] as const) {
      const error = await runtime.load(counting({ ...byName, ...change })).catch((e) => e)
      expect(error).toBeInstanceOf(PinError)
      expect(error).toEqual(refusal('MISMATCH', { attributes: [attribute], errno: 'EINVAL' }))
      expect(error.message).toContain(`${attribute} is `)
    }
    expect(runtime.arena.count).toBe(before)
    const load = runtime.load(counting({ ...byName, valueSize: 16, maxEntries: 3 }))
    await expect(load).rejects.toEqual(refusal('MISMATCH', { attributes: ['value_size', 'max_entries'] }))
    runtime.close()
  })

  it('a map of maps whose template differs is refused: programs are verified by it', async () => {
    const runtime = await createRuntime({ engine })
    const outer = { ...byName, name: 'outer', type: 'array_of_maps', valueSize: 4, inner: counts }
    const load = (map: MapSpec): Promise<unknown> =>
      runtime.load({ ...counting(), maps: [counts, map] }).catch((error) => error)
    const first = await load(outer)
    expect(first).not.toBeInstanceOf(Error)
    expect(await load(outer)).not.toBeInstanceOf(Error)
    const differing = await load({ ...outer, inner: { ...counts, valueSize: 16 } })
    expect(differing).toEqual(refusal('MISMATCH', { attributes: ['inner_value_size'], errno: 'EINVAL' }))
    runtime.close()
  })

  it('a program outlives its collection, with the maps that it uses', async () => {
    const runtime = await createRuntime({ engine })
    const collection = await runtime.load(counting())
    const program = collection.program('count', 'xdp')
    await runtime.pin('p', program)
    await program.pin('p2')
    expect(run(program)).toBe(1)
    collection.close()
    expect(run(program)).toBe(2)
    expect(await runtime.openPin('p')).toBe(program)
    await runtime.unpin('p')
    expect(run(program)).toBe(3)
    await runtime.unpin('p2')
    expect(() => run(program)).toThrow(refusal('CLOSED') as Error)
    await expect(runtime.pin('p', program)).rejects.toEqual(refusal('CLOSED'))
    runtime.close()
  })

  it('a store brings the contents to the next runtime', async () => {
    const pins = memoryStore()
    const one = await createRuntime({ engine, pins })
    const collection = await one.load(counting(byName))
    for (let n = 0; n < 5; n++) run(collection.program())
    expect([...pins.files.keys()]).toEqual(['counts'])
    one.close()

    const two = await createRuntime({ engine, pins })
    const map = (await two.openPin('counts')) as HostMap
    expect(new DataView(map.lookup(u32(0))!.buffer).getBigUint64(0, true)).toBe(5n)
    const again = await two.load(counting(byName))
    expect(again.map('counts')).toBe(map)
    expect(run(again.program())).toBe(6)
    const other = two.load(counting({ ...byName, maxEntries: 7 }))
    await expect(other).rejects.toEqual(refusal('MISMATCH', { attributes: ['max_entries'] }))
    await two.syncPins('counts')
    const three = await createRuntime({ engine, pins })
    expect(first(await three.load(counting(byName)))).toBe(6n)
    await three.unpin('counts')
    expect(pins.files.size).toBe(0)
    two.close()
    three.close()
  })
})

describe('pins of an object', () => {
  it('LIBBPF_PIN_BY_NAME in C is found again by the next load', async () => {
    const file = new URL('../../loader-elf/testdata/maps.o', import.meta.url)
    const parsed = parseElf(readFileSync(fileURLToPath(file)))
    const spec = { ...parsed, programs: [], maps: parsed.maps.filter((m) => m.pinning === 'by_name') }
    expect(spec.maps.map((m) => m.name)).toEqual(['typed'])
    const runtime = await createRuntime()
    const one = await runtime.load({ ...spec, variables: [] }, { pinRoot: '/sys/fs/bpf' })
    expect(runtime.pins.map((pin) => pin.path)).toEqual(['sys/fs/bpf/typed'])
    one.close()
    const two = await runtime.load({ ...spec, variables: [] }, { pinRoot: '/sys/fs/bpf' })
    expect(two.map('typed')).toBe(one.map('typed'))
    runtime.close()
  })

  it('a pinned program can be attached after its collection is closed, until it is unpinned', async () => {
    const runtime = await createRuntime()
    const collection = await runtime.load(counting())
    const program = collection.program('count', 'xdp')
    await program.pin('p')
    const [device] = createDevicePair()
    attachXdp(program, device)
    collection.close()
    // The collection's links went with it; a new one may be made.
    const link = attachXdp(program, device)
    await runtime.unpin('p')
    expect(() => run(program)).toThrow(refusal('CLOSED') as Error)
    await link.done
    runtime.close()
  })
})

describe('what pins refuse', () => {
  it.each(['', '/', 'a.b', '..', 'a/../b', 'a\0', 'x'.repeat(256)])('the path %j', async (path) => {
    const runtime = await createRuntime()
    const collection = await runtime.load(counting())
    await expect(runtime.pin(path, collection.map('counts'))).rejects.toEqual(refusal('BAD_PATH'))
    await expect(runtime.openPin(path)).rejects.toEqual(refusal('BAD_PATH'))
    runtime.close()
  })

  it('paths that are taken or empty, objects of others, stores that fail', async () => {
    const failing = {
      get: () => undefined,
      set: () => Promise.reject(new Error('disk full')),
      delete: () => {},
    }
    const runtime = await createRuntime()
    const other = await createRuntime({ pins: failing })
    const collection = await runtime.load(counting())
    const map = collection.map('counts')
    await runtime.pin('a', map)
    await expect(runtime.pin('a', collection.program())).rejects.toEqual(refusal('EXISTS'))
    await expect(runtime.openPin('b')).rejects.toEqual(refusal('ABSENT', { errno: 'ENOENT' }))
    await expect(runtime.unpin('b')).rejects.toEqual(refusal('ABSENT'))
    await expect(runtime.syncPins('b')).rejects.toEqual(refusal('ABSENT'))
    await expect(other.pin('a', map)).rejects.toEqual(refusal('FOREIGN'))
    await expect(other.pin('a', collection.program())).rejects.toEqual(refusal('FOREIGN'))
    const before = other.arena.count
    await expect(other.load(counting(byName))).rejects.toEqual(refusal('STORE'))
    expect([other.arena.count, other.pins]).toEqual([before, []])
    runtime.close()
    other.close()
  })
})
