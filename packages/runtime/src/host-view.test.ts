import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assemble } from '@skep/isa'
import { type HostMap, openPerfBuffer, openRingBuffer } from '@skep/maps'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec, parseElf, type Runtime } from './index.ts'

const object = (name: string): CollectionSpec =>
  parseElf(
    readFileSync(fileURLToPath(new URL(`../../../apps/cli/testdata/${name}`, import.meta.url))),
  ) as CollectionSpec
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

describe("collection.map(name, 'btf')", () => {
  it('has keys and values by the types of the object', async () => {
    const runtime = await createRuntime({ cpus: 2 })
    const collection = await runtime.load(object('firewall.o'))
    const shares = collection.map<number, object>('traffic', 'btf')
    const one = { packets: 1n, bytes: 2n, dropped: 3n }
    shares.set(2, [one, { ...one, packets: 4n }])
    expect(shares.get(2)).toEqual([one, { ...one, packets: 4n }])
    const bytes = new BigUint64Array(collection.map('traffic').lookup(u32(2))!.buffer)
    expect([...bytes]).toEqual([1n, 2n, 3n, 4n, 2n, 3n])
    const blocked = collection.map<number, bigint>('blocked', 'btf')
    blocked.set(7, 9n)
    expect([...blocked]).toEqual([[7, 9n]])
    runtime.close()
  })

  it('is refused where there are no types', async () => {
    const runtime = await createRuntime()
    const maps = [{ name: 'm', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1 }]
    const collection = await runtime.load({ programs: [], maps, variables: [], license: 'GPL', notes: [] })
    expect(() => collection.map('m', 'btf')).toThrow(
      expect.objectContaining({ code: 'NO_BTF', subject: 'm' }) as Error,
    )
    runtime.close()
  })
})

describe('iteration', () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime()
  })
  afterAll(() => runtime.close())

  it.each(['hash', 'lru_hash', 'percpu_hash', 'lpm_trie'])(
    'of %s survives what is deleted meanwhile: what stays comes once, nothing twice',
    async (type) => {
      const lpm = type === 'lpm_trie'
      const spec: MapSpec = {
        name: 'm',
        type,
        keySize: lpm ? 8 : 4,
        valueSize: 4,
        maxEntries: 512,
        ...(lpm ? { flags: 1 } : {}),
      }
      const collection = await runtime.load({
        programs: [],
        maps: [spec],
        variables: [],
        license: 'GPL',
        notes: [],
      })
      const map = collection.map('m')
      const keyOf = (n: number): Uint8Array => (lpm ? Uint8Array.of(...u32(32), ...u32(n)) : u32(n))
      const numberOf = (key: Uint8Array): number =>
        new DataView(key.buffer, key.byteOffset).getUint32(lpm ? 4 : 0, true)
      fc.assert(
        fc.property(
          fc.array(fc.nat(199), { maxLength: 150 }),
          fc.integer({ min: 1, max: 7 }),
          (doomed, step) => {
            for (let n = 0; n < 200; n++) map.update(keyOf(n), new Uint8Array(map.hostValueSize))
            const left = [...doomed]
            const seen: number[] = []
            for (const [key] of map) {
              seen.push(numberOf(key))
              if (seen.length % step === 0) for (const n of left.splice(0, step)) map.delete(keyOf(n))
            }
            expect(new Set(seen).size).toBe(seen.length)
            const gone = new Set(doomed)
            expect(seen.filter((n) => !gone.has(n)).sort((a, b) => a - b)).toEqual(
              Array.from({ length: 200 }, (_, n) => n).filter((n) => !gone.has(n)),
            )
          },
        ),
        { numRuns: 20 },
      )
      collection.close()
    },
  )
})

describe.each(['jit', 'interpreter'])('rings of a slow reader, on %s', (engine) => {
  const load = async (
    type: string,
    text: string,
    map: Partial<MapSpec>,
  ): Promise<{ run: () => number; map: HostMap; close: () => void }> => {
    const insns = assemble(text)
    const slot = text
      .trim()
      .split('\n')
      .findIndex((line) => line.includes('lddw'))
    insns[slot * 8 + 1]! |= 0x10
    const references = [{ insn: slot, kind: 'map' as const, map: 'm' }]
    const program = {
      name: 'p',
      section: 'xdp',
      type: 'xdp',
      license: 'GPL',
      insns,
      references,
      functions: [],
      lines: [],
    }
    const runtime = await createRuntime({ engine })
    const spec: MapSpec = { name: 'm', type, keySize: 0, valueSize: 0, maxEntries: 4096, ...map }
    const collection = await runtime.load({
      programs: [program],
      maps: [spec],
      variables: [],
      license: 'GPL',
      notes: [],
    })
    return {
      run: () => collection.program().testRun({ data: new Uint8Array(64) }).retval,
      map: collection.map('m'),
      close: () => runtime.close(),
    }
  }

  it('a full ring buffer turns records away and counts them; the loop then gets all that came in', async () => {
    const text = 'stdw [r10-8], 5\nlddw r1, 0\nmov r2, r10\nadd r2, -8\nmov r3, 8\nmov r4, 0\ncall 130\nexit'
    const { run, map, close } = await load('ringbuf', text, {})
    const ring = openRingBuffer(map)
    const results = Array.from({ length: 300 }, run)
    const taken = results.filter((r) => r === 0).length
    expect(taken).toBeGreaterThan(200)
    expect(results.slice(0, taken).every((r) => r === 0)).toBe(true)
    expect(ring.lost).toBe(300 - taken)
    let records = 0
    for await (const record of ring) {
      expect(record).toEqual(Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0))
      if (++records === taken) break
    }
    expect(run()).toBe(0)
    expect(ring.consume(() => true)).toBe(1)
    close()
  })

  it('a full perf buffer tells with the next record how many were lost', async () => {
    const text =
      'stdw [r10-8], 5\nmov r6, r1\nlddw r2, 0\nmov32 r3, -1\nmov r4, r10\nadd r4, -8\nmov r5, 8\nmov r1, r6\ncall 25\nexit'
    const { run, map, close } = await load('perf_event_array', text, {
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    })
    const buffer = openPerfBuffer(map, { bytes: 4096 })
    const results = Array.from({ length: 400 }, run)
    const taken = results.filter((r) => r === 0).length
    expect(buffer.lost).toBe(400 - taken)
    expect(taken).toBeLessThan(400)
    let records = 0
    let lost = 0
    for await (const record of buffer) {
      lost += record.lost
      if (++records === taken) run()
      if (records > taken) break
    }
    expect([records, lost, buffer.lost]).toEqual([taken + 1, 400 - taken, 0])
    close()
  })
})
