import { attachXdp } from '@skep/hook-xdp'
import { assemble } from '@skep/isa'
import { type HostMap, openPerfBuffer, openRingBuffer } from '@skep/maps'
import { createCollector, createDevicePair, PacketBatch } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import { type Collection, type CollectionSpec, createRuntime, type MapSpec, type Runtime } from './index.ts'
import { fillMap, type LiveMap } from './map-factory.ts'

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

/** One program from text; each `lddw r, 0` at a slot of `maps` is that map. */
function spec(
  text: string,
  maps: readonly MapSpec[],
  uses: Readonly<Record<number, string>>,
): CollectionSpec {
  const insns = assemble(text)
  for (const slot of Object.keys(uses)) insns[Number(slot) * 8 + 1]! |= 0x10
  const references = Object.entries(uses).map(([slot, map]) => ({
    insn: Number(slot),
    kind: 'map' as const,
    map,
  }))
  const program = { name: 'p', section: 'xdp', type: 'xdp', license: 'GPL', insns, references }
  return {
    programs: [{ ...program, functions: [], lines: [] }],
    maps,
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const run = (collection: Collection): number =>
  collection.program().testRun({ data: new Uint8Array(64) }).retval

describe.each(['jit', 'interpreter'])('maps with a life of their own, on %s', (engine) => {
  async function load(s: CollectionSpec): Promise<{ runtime: Runtime; collection: Collection }> {
    const runtime = await createRuntime({ engine })
    return { runtime, collection: await runtime.load(s) }
  }

  it.each(['array_of_maps', 'hash_of_maps'])('programs find inner maps in %s', async (type) => {
    const inner: MapSpec = { name: 'inner', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }
    const outer: MapSpec = { name: 'outer', type, keySize: 4, valueSize: 4, maxEntries: 2, inner }
    const text = `
      stw [r10-4], 1
      mov r2, r10
      add r2, -4
      lddw r1, 0
      call 1
      jeq r0, 0, +8
      mov r1, r0
      stw [r10-4], 0
      mov r2, r10
      add r2, -4
      call 1
      jeq r0, 0, +2
      ldxw r0, [r0+0]
      exit
      mov r0, 0
      exit`
    const { runtime, collection } = await load(spec(text, [inner, outer], { 3: 'outer' }))
    const map = collection.map('outer') as HostMap
    collection.map('inner').update(u32(0), u32(42))
    expect(run(collection)).toBe(0)
    map.setMap(u32(1), collection.map('inner'))
    expect(run(collection)).toBe(42)
    map.delete(u32(1))
    expect(run(collection)).toBe(0)

    const live = (name: string): LiveMap => ({ handle: collection.map(name) }) as LiveMap
    const initial = { ...outer, initial: [{ index: 1, map: 'inner' }] }
    fillMap(live('outer'), initial, new Map(), new Map([['inner', live('inner')]]))
    expect(run(collection)).toBe(42)
    expect(() => fillMap(live('outer'), initial, new Map(), new Map())).toThrow(
      expect.objectContaining({ code: 'BAD_REFERENCE' }),
    )
    const before = runtime.arena.count
    collection.close()
    expect(runtime.arena.count).toBeLessThan(before)
    expect(runtime.arena.exports.check()).toBe(0)
    runtime.close()
  })

  it('records reach the host', async () => {
    const text = `
      mov r6, r1
      lddw r1, 0
      mov r2, 8
      mov r3, 0
      call 131
      jeq r0, 0, +5
      mov r1, 77
      stxdw [r0+0], r1
      mov r1, r0
      mov r2, 0
      call 132
      stdw [r10-8], 88
      mov r1, r6
      lddw r2, 0
      lddw r3, 0x00000004ffffffff
      mov r4, r10
      add r4, -8
      mov r5, 8
      call 25
      exit`
    const ring: MapSpec = { name: 'ring', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 }
    const perf: MapSpec = { name: 'perf', type: 'perf_event_array', keySize: 4, valueSize: 4, maxEntries: 1 }
    const { runtime, collection } = await load(spec(text, [ring, perf], { 1: 'ring', 14: 'perf' }))
    expect(run(collection)).toBe(2 ** 32 - 2)
    const samples = openPerfBuffer(collection.map('perf'))
    expect(run(collection)).toBe(0)
    const seen: unknown[] = []
    openRingBuffer(collection.map('ring')).consume((r) => void seen.push([...r]))
    samples.consume(({ cpu, data, lost }) => void seen.push([cpu, [...data], lost]))
    const record = [77, 0, 0, 0, 0, 0, 0, 0]
    expect(seen).toEqual([record, record, [0, [88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0]])
    runtime.close()
  })

  it.each(['devmap', 'devmap_hash', 'xskmap'])('packets leave through %s', async (type) => {
    const text = `
      lddw r1, 0
      mov r2, 3
      mov r3, 1
      call 51
      exit`
    const ports: MapSpec = { name: 'ports', type, keySize: 4, valueSize: 4, maxEntries: 8 }
    const { runtime, collection } = await load(spec(text, [ports], { 0: 'ports' }))
    const [inside, outside] = createDevicePair()
    const collector = createCollector()
    const link = attachXdp(collection.program('p', 'xdp'), inside, {
      redirect: new Map([[9, collector]]),
    })
    const send = async (): Promise<void> => {
      const batch = new PacketBatch()
      batch.push(new Uint8Array(60).fill(5))
      await outside.transmit(batch)
    }
    await send()
    while (link.stats.packets < 1) await new Promise((resume) => setTimeout(resume, 0))
    collection.map('ports').update(u32(3), u32(9))
    await send()
    await outside.close()
    const { dropped, redirected } = await link.done
    expect({ dropped, redirected, packets: collector.packets.length }).toEqual({
      dropped: 1,
      redirected: 1,
      packets: 1,
    })
    runtime.close()
  })
})
