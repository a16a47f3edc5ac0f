import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jit } from '@skep/jit-wasm'
import { ipv4 } from '@skep/packet'
import { createVerifier } from '@skep/verifier'
import { interpreterEngine } from '@skep/vm-interpreter'
import { afterAll, describe, expect, it } from 'vitest'
import { type CoreOptions, createRuntime as compose } from './core.ts'
import {
  type CacheStore,
  type Collection,
  type CollectionSpec,
  codec,
  createMemoryCache,
  createRuntime,
  defaultPreset,
  defineEngine,
  definePlugin,
  type EngineDef,
  parseElf,
  type Runtime,
} from './index.ts'
import { createFileCache } from './node.ts'

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const firewall = parseElf(new Uint8Array(readFileSync(new URL('firewall.o', testdata))))
const tails = parseElf(new Uint8Array(readFileSync(new URL('tailcall_parser.o', testdata))))

/** A packet from 192.0.2.66 to UDP port 53. */
const packet = Uint8Array.from([
  ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
  ...[0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 66, 198, 51, 100, 1],
  ...[4, 0, 0, 53, 0, 8, 0, 0],
  ...new Array<number>(22).fill(0),
])

interface Counts {
  compiled: number
  restored: number
}

/** The JIT with a version, as the build gives it, counting what it does. */
function counting(counts: Counts, version = '1', before = async (): Promise<void> => {}): EngineDef {
  return defineEngine({
    name: 'jit',
    checked: false,
    create: async (cpu) => {
      const engine = await jit.create(cpu)
      return {
        ...engine,
        version,
        compile: async (programs) => {
          await before()
          counts.compiled++
          return engine.compile(programs)
        },
        restore: (programs, saved) => {
          counts.restored++
          return engine.restore!(programs, saved)
        },
      }
    },
  })
}

const runtimeOf = (engine: EngineDef, options: Partial<CoreOptions> = {}): Promise<Runtime> => {
  const engines = definePlugin({ name: 'engines', engines: [engine, interpreterEngine] })
  return compose({
    plugins: [...defaultPreset.filter(({ name }) => name !== 'engines'), engines],
    verifier: createVerifier,
    ...options,
  })
}

/** What the firewall does with the packet, and counts, once its sender is blocked. */
function judge(collection: Collection): unknown {
  const blocked = collection.map('blocked', { key: ipv4, value: codec.u64 })
  const program = collection.program('firewall', 'xdp')
  const before = program.testRun({ data: packet }).retval
  blocked.set('192.0.2.66', 7n)
  return [before, program.testRun({ data: packet }).retval, blocked.get('192.0.2.66')]
}

const folder = mkdtempSync(join(tmpdir(), 'skep-cache-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const stores: readonly (readonly [string, () => CacheStore])[] = [
  ['memory', createMemoryCache],
  ['a folder', () => createFileCache(join(folder, 'entries'))],
]

describe.each(stores)('a cache in %s', (_, make) => {
  it('gives the next runtime the same programs without compiling', async () => {
    const cache = make()
    const counts = { compiled: 0, restored: 0 }
    const results: unknown[] = []
    for (let n = 0; n < 3; n++) {
      const runtime = await runtimeOf(counting(counts), { cache })
      results.push(judge(await runtime.load(firewall)))
      runtime.close()
    }
    expect(counts).toEqual({ compiled: 1, restored: 2 })
    expect(results[0]).toEqual([2, 1, 8n])
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })
})

/** A verifier of a built package, which counts its walks. */
const walking =
  (counts: { walked: number }): NonNullable<CoreOptions['verifier']> =>
  async (...args) => {
    const verifier = await createVerifier(...args)
    return {
      platform: verifier.platform,
      verify: (input) => {
        counts.walked++
        return verifier.verify(input)
      },
      key: ({ program, unprivileged }) => [program.name, program.insns, String(unprivileged)],
    }
  }

describe('a cache of what the verifier proved', () => {
  const load = async (cache: CacheStore, counts: { walked: number }, spec: CollectionSpec = firewall) => {
    const runtime = await compose({ plugins: defaultPreset, verifier: walking(counts), cache })
    try {
      return judge(await runtime.load(spec))
    } finally {
      runtime.close()
    }
  }

  it('gives the next runtime the same programs without walking them', async () => {
    const cache = createMemoryCache()
    const counts = { walked: 0 }
    const first = await load(cache, counts)
    expect(await load(cache, counts)).toEqual(first)
    expect(counts.walked).toBe(1)
  })

  it('walks again where the entry is damaged, and refuses anew what was refused', async () => {
    const entries = new Map<string, Uint8Array>()
    const cache: CacheStore = {
      get: (key) => entries.get(key),
      set: (key, entry) => void entries.set(key, entry),
    }
    const counts = { walked: 0 }
    const first = await load(cache, counts)
    for (const damage of [
      (entry: Uint8Array) => entry.subarray(0, 3),
      (entry: Uint8Array) => entry.subarray(1),
    ]) {
      for (const [key, entry] of entries) entries.set(key, damage(entry))
      expect(await load(cache, counts)).toEqual(first)
    }
    expect(counts.walked).toBe(3)
    const [program] = firewall.programs
    const refused = {
      ...firewall,
      programs: [{ ...program!, insns: new Uint8Array(8), lines: [], functions: [] }],
    }
    const before = entries.size
    for (let n = 0; n < 2; n++) await expect(load(cache, counts, refused)).rejects.toThrow('refused')
    expect(entries.size).toBe(before)
  })
})

it('a cache in a folder keeps what fits its limit, the newest', async () => {
  const path = join(folder, 'limited')
  const cache = createFileCache(path, { limit: 100 })
  for (const [n, key] of ['a1', 'b2', 'c3', 'd4'].entries()) {
    await cache.set(key, new Uint8Array(40))
    utimesSync(join(path, key), n, n)
  }
  expect(readdirSync(path).sort()).toEqual(['c3', 'd4'])
  expect(await cache.get('a1')).toBeUndefined()
  expect(await cache.get('d4')).toHaveLength(40)
})

describe('a cache', () => {
  it('compiles anew for another engine version, other programs and other maps', async () => {
    const cache = createMemoryCache()
    const counts = { compiled: 0, restored: 0 }
    const [map, ...maps] = firewall.maps
    const variants = [
      [firewall, '1'],
      [firewall, '2'],
      [{ ...firewall, maps: [{ ...map!, maxEntries: map!.maxEntries * 2 }, ...maps] }, '1'],
      [tails, '1'],
    ] as const
    for (const [spec, version] of variants) {
      const runtime = await runtimeOf(counting(counts, version), { cache })
      await runtime.load(spec)
      runtime.close()
    }
    expect(counts).toEqual({ compiled: variants.length, restored: 0 })
  })

  it('is made good where an entry is damaged, and does without a store that fails', async () => {
    const path = join(folder, 'damaged')
    const counts = { compiled: 0, restored: 0 }
    const load = async (cache: CacheStore): Promise<unknown> => {
      const runtime = await runtimeOf(counting(counts), { cache })
      const result = judge(await runtime.load(firewall))
      runtime.close()
      return result
    }
    const sound = await load(createFileCache(path))
    const [file] = readdirSync(path)
    const entry = readFileSync(join(path, file!))
    for (const bytes of [entry.subarray(0, 3), entry.subarray(0, entry.length - 9), Buffer.alloc(40, 255)]) {
      writeFileSync(join(path, file!), bytes)
      expect(await load(createFileCache(path))).toEqual(sound)
      expect(readFileSync(join(path, file!)).equals(entry)).toBe(true)
    }
    const failing: CacheStore = {
      get: () => {
        throw new Error('no get')
      },
      set: () => Promise.reject(new Error('no set')),
    }
    expect(await load(failing)).toEqual(sound)
    expect(counts.compiled).toBe(5)
  })

  it('in memory keeps what was used last', () => {
    const cache = createMemoryCache(100)
    const bytes = (n: number): Uint8Array => new Uint8Array(n)
    cache.set('a', bytes(40))
    cache.set('b', bytes(40))
    cache.get('a')
    cache.set('c', bytes(40))
    cache.set('d', bytes(101))
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
      false,
    ])
  })
})

describe('tier-up', () => {
  it('runs at once and changes over when the engine is ready', async () => {
    const counts = { compiled: 0, restored: 0 }
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const runtime = await runtimeOf(
      counting(counts, '1', () => gate),
      { tierUp: true },
    )
    const collection = await runtime.load(firewall)
    expect(counts.compiled).toBe(0)
    expect(judge(collection)).toEqual([2, 1, 8n])
    go()
    await collection.warmup({ data: packet, milliseconds: 1 })
    expect(counts.compiled).toBe(1)
    // The map is the same one, the warm-up left it alone, and the other engine counts on.
    const blocked = collection.map('blocked', { key: ipv4, value: codec.u64 })
    expect(blocked.get('192.0.2.66')).toBe(8n)
    expect(collection.program('firewall', 'xdp').testRun({ data: packet }).retval).toBe(1)
    expect(blocked.get('192.0.2.66')).toBe(9n)
    runtime.close()
    expect(() => collection.program('firewall').testRun({ data: packet })).toThrow(/closed/)
  })

  it('takes tail calls along', async () => {
    const results: unknown[] = []
    for (const tierUp of [false, true]) {
      const runtime = await createRuntime({ tierUp })
      const collection = await runtime.load(tails)
      const runs = (): unknown =>
        [...collection.programs.values()].map((program) => program.testRun({ data: packet }).retval)
      results.push(runs())
      await collection.warmup({ data: packet, milliseconds: 1 })
      results.push(runs())
      runtime.close()
    }
    // What programs left in maps for the next ones counts in the second round.
    expect(results.slice(2)).toEqual(results.slice(0, 2))
  })

  it('keeps the first engine where the other cannot take the programs, and says so in warmup', async () => {
    const counts = { compiled: 0, restored: 0 }
    const refuse = async (): Promise<void> => {
      throw new Error('refused')
    }
    const runtime = await runtimeOf(counting(counts, '1', refuse), { tierUp: true })
    const collection = await runtime.load(firewall)
    await expect(collection.warmup()).rejects.toThrow('refused')
    expect(judge(collection)).toEqual([2, 1, 8n])
    runtime.close()
  })

  it('gives everything back when it is closed before the change', async () => {
    const runtime = await createRuntime({ tierUp: true })
    const warm = await runtime.load(firewall)
    await warm.warmup({ milliseconds: 1 })
    warm.close()
    const before = runtime.arena.used
    const collection = await runtime.load(firewall)
    collection.close()
    await collection.warmup({ milliseconds: 1 })
    expect(runtime.arena.used).toBe(before)
    runtime.close()
  })
})
