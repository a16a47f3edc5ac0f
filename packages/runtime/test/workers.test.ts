import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openRingBuffer } from '@skep/maps'
import { buildPacket } from '@skep/packet'
import { control } from '@skep/registry'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type Collection,
  type CollectionSpec,
  codec,
  createRuntime,
  mapLayout,
  parseElf,
  type Runtime,
  type RuntimeOptions,
  ringLayout,
} from '../src/index.ts'
import { joinRuntime } from '../src/worker.ts'
import { bundle, Mate, temporary } from './workers/crew.ts'
import { plugins } from './workers/plugins.ts'

// Two workers and this thread on one memory. Scripts and objects are the tests' own: workers/, testdata/workers.bpf.c.

const spec: CollectionSpec = parseElf(readFileSync(new URL('../testdata/workers.o', import.meta.url)))
const packet = new Uint8Array(64)
const PASS = 2

const small: RuntimeOptions = { workers: 2, seed: 5n, limit: 16 << 20 }

const open: { close(): void }[] = []
const mates: Mate[] = []

afterEach(async () => {
  for (const mate of mates.splice(0)) await mate.terminate()
  for (const runtime of open.splice(0)) runtime.close()
})

async function create(options: RuntimeOptions = {}): Promise<Runtime> {
  const runtime = await createRuntime({ ...small, ...options })
  open.push(runtime)
  return runtime
}

async function mateOf(runtime: Runtime, options: { readonly plugin?: string } = {}): Promise<Mate> {
  const mate = await Mate.join(runtime, options)
  mates.push(mate)
  return mate
}

const crew = (runtime: Runtime): Promise<Mate[]> => Promise.all([mateOf(runtime), mateOf(runtime)])

/** Threads hear of each other by messages, in their own time. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Contexts of one packet, run in batches by a program in a worker. */
function batchOf(runtime: Runtime, count: number): { contexts: number; count: number; results: number } {
  const { arena, platform } = runtime
  const context = platform.programTypes.byName('xdp')!.testRun!(arena, { data: packet })
  const contexts = arena.alloc(4 * count)
  arena.u32.fill(context.address, contexts >> 2, (contexts >> 2) + count)
  return { contexts, count, results: arena.alloc(4 * count) }
}

describe.each(['jit', 'interpreter'])('two workers and this thread on %s', (engine) => {
  let runtime: Runtime
  let collection: Collection
  let both: Mate[]
  beforeAll(async () => {
    runtime = await createRuntime({ ...small, engine })
    collection = await runtime.load(spec)
    both = await Promise.all([Mate.join(runtime), Mate.join(runtime)])
  })
  afterAll(async () => {
    for (const mate of both) await mate.terminate()
    runtime.close()
  })

  /** All three run a program at the same time, so many times each; the verdicts of each. */
  async function everybody(program: string, runs: number): Promise<number[][]> {
    const batches = [0, 1, 2].map(() => batchOf(runtime, 500))
    const rounds = runs / 500
    const asked = both.map((mate, n) =>
      mate.ask<string[]>({ order: 'batch', program, ...batches[n]!, rounds }),
    )
    const { contexts, count, results } = batches[2]!
    const here = collection.program(program, 'xdp')
    for (let n = 0; n < rounds; n++) here.runBatch(contexts, count, results)
    expect(await Promise.all(asked)).toEqual([[], []])
    return batches.map(({ results, count }) => [
      ...new Set(runtime.arena.u32.subarray(results >> 2, (results >> 2) + count)),
    ])
  }
  const total = (index: number): bigint =>
    collection.map('totals', { key: codec.u32, value: codec.u64 }).get(index)!

  it('lose no atomic update, and count for themselves in per-CPU maps', async () => {
    // The verdict is 100 and the CPU.
    expect(await everybody('count', 20_000)).toEqual([[101], [102], [100]])
    expect(total(0)).toBe(60_000n)
    const own = collection.perCpuMap('own', { key: codec.u32, value: codec.u64 })
    expect(own.get(0)).toEqual([20_000n, 20_000n, 20_000n])
  })

  it('call callbacks and tail calls of their own tables', async () => {
    const { record } = collection.program('count')
    collection.map('next').update(new Uint8Array(4), new Uint8Array(Uint32Array.of(record).buffer))
    const before = total(0)
    expect(await everybody('jump', 2000)).toEqual([[101], [102], [100]])
    await everybody('loop', 2000)
    expect([total(0) - before, total(1)]).toEqual([6000n, 60_000n])
  })

  it('keep each other out of sections under a bpf_spin_lock', async () => {
    expect(await everybody('lock', 20_000)).toEqual([[PASS], [PASS], [PASS]])
    const value = new DataView(collection.map('guarded').lookup(new Uint8Array(4))!.buffer)
    expect([value.getBigUint64(8, true), value.getBigUint64(16, true)]).toEqual([60_000n, 60_000n])
  })

  it('change a hash, an LRU and a trie at once, which stay whole', async () => {
    expect(await everybody('churn', 20_000)).toEqual([[PASS], [PASS], [PASS]])
    expect(await everybody('route', 20_000)).toEqual([[PASS], [PASS], [PASS]])
    const flows = collection.map('flows', { key: codec.u32, value: codec.u64 })
    expect([...flows].length).toBe(flows.handle.size)
    for (const [key, value] of flows) expect(value).toBe(BigInt(key ^ 0x5a5a))
    const recent = collection.map('recent', { key: codec.u32, value: codec.u64 })
    expect([...recent].length).toBe(recent.handle.size)
    expect(recent.handle.size).toBeLessThanOrEqual(32)
    for (const [key, value] of recent) expect(value).toBe(BigInt(key))
    const routes = collection.map('routes')
    expect([...routes.keys()].length).toBe(routes.size)
    expect(runtime.arena.exports.check()).toBe(0)
  })

  it('write one ring buffer, each its records in order, and wake its reader', async () => {
    const ring = openRingBuffer(collection.map('ring'))
    const seen = [0, 0, 0]
    const reading = (async () => {
      for await (const record of ring) {
        const view = new DataView(record.buffer)
        const cpu = view.getUint32(0, true)
        expect(view.getUint32(4, true)).toBe(seen[cpu]!++)
        if (seen[1]! + seen[2]! === 4000) break
      }
    })()
    const ask = (mate: Mate): Promise<unknown> =>
      mate.ask({ order: 'batch', program: 'report', ...batchOf(runtime, 20), rounds: 100 })
    await Promise.all(both.map(ask))
    await reading
    expect(seen).toEqual([0, 2000, 2000])
  })
})

describe('a worker', () => {
  it('shares the compiled module, and sees what the host writes', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const worker = await mateOf(runtime)
    const key = Uint8Array.of(3, 0, 0, 0)
    await worker.ask({ order: 'update', map: 'flows', key, value: new Uint8Array(8).fill(7) })
    expect(collection.map('flows').lookup(key)).toEqual(new Uint8Array(8).fill(7))
    collection.map('flows').update(key, new Uint8Array(8).fill(9))
    expect(await worker.ask({ order: 'lookup', map: 'flows', key })).toEqual(new Uint8Array(8).fill(9))
    expect(await worker.ask({ order: 'test-run', program: 'count', packet, rounds: 3 })).toBe(101)
  })

  it('opens what was loaded after it had joined, and lets go of what is closed', async () => {
    const runtime = await create()
    const worker = await mateOf(runtime)
    const { used } = runtime.arena
    const load = async (): Promise<void> => {
      const collection = await runtime.load(spec)
      const shared = collection.share()
      await worker.ask({ order: 'open', collection: shared })
      expect(await worker.ask({ order: 'test-run', program: 'count', packet, rounds: 1 })).toBe(101)
      expect(runtime.arena.used).toBeGreaterThan(used)
      collection.close()
      await until(() => runtime.arena.used === used)
      await expect(
        worker.ask({ order: 'test-run', program: 'count', packet, rounds: 1 }),
      ).rejects.toMatchObject({ code: 'NO_SUCH_PROGRAM' })
      await expect(worker.ask({ order: 'open', collection: shared })).rejects.toMatchObject({ code: 'STALE' })
    }
    await load()
    await load()
  })

  it('keeps the memory of a collection that is closed while it runs it', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const worker = await mateOf(runtime)
    const batch = batchOf(runtime, 1000)
    const used = runtime.arena.used
    const count = collection.map('totals').lookupAddress(new Uint8Array(4)) >> 2
    const running = worker.ask({ order: 'batch', program: 'count', ...batch, rounds: 2000 })
    await until(() => runtime.arena.u32[count] !== 0)
    collection.close()
    expect(runtime.arena.used).toBe(used)
    expect(await running).toEqual([])
    await until(() => runtime.arena.used < used)
  })

  it('leaves its CPU to another one, and nothing behind', async () => {
    const runtime = await create({ engine: 'interpreter' })
    await runtime.load(spec)
    const events: unknown[] = []
    runtime.on('join', ({ cpu }) => events.push(`join ${cpu}`))
    const sizes: number[] = []
    for (let n = 0; n < 3; n++) {
      const left = new Promise((resolve) => runtime.once('leave', resolve))
      const worker = await mateOf(runtime)
      expect(worker.handle.cpu).toBe(1)
      await worker.ask({ order: 'close' })
      expect(await left).toEqual({ cpu: 1, closed: true })
      sizes.push(runtime.arena.used)
    }
    expect(events).toEqual(['join 1', 'join 1', 'join 1'])
    expect(new Set(sizes).size).toBe(1)
  })

  it('is refused with a handle that was used, taken back, or is none', async () => {
    const runtime = await create()
    await runtime.load(spec)
    const handle = runtime.share()
    const worker = await joinRuntime(handle)
    open.push(worker)
    await expect(joinRuntime(handle)).rejects.toMatchObject({ code: 'TAKEN' })
    const unused = runtime.share()
    expect(() => runtime.share()).toThrow(expect.objectContaining({ code: 'NO_CPU' }))
    runtime.unshare(unused)
    await expect(joinRuntime(unused)).rejects.toMatchObject({ code: 'TAKEN' })
    await expect(joinRuntime({} as never)).rejects.toMatchObject({ code: 'BAD_OPTION' })
    const late = runtime.share()
    runtime.close()
    await expect(joinRuntime(late)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('runs no program of a runtime that is closed', async () => {
    const runtime = await create()
    await runtime.load(spec)
    const worker = await mateOf(runtime)
    const { used } = runtime.arena
    runtime.close()
    // What it had in the arena is given back when it has left.
    await until(() => runtime.arena.used < used - control.STACK_SIZE)
    await expect(
      worker.ask({ order: 'test-run', program: 'count', packet, rounds: 1 }),
    ).rejects.toMatchObject({ code: 'NO_SUCH_PROGRAM' })
  })

  it('needs the plugins of the runtime', async () => {
    const runtime = await create({ plugins: [plugins['acme']!] })
    const handle = runtime.share()
    await expect(Mate.with(handle)).rejects.toMatchObject({
      code: 'PLUGIN_MISMATCH',
      message: expect.stringMatching(/^the runtime has plugin "acme", and this worker has not/),
    })
    await expect(Mate.with(handle, { plugin: 'other' })).rejects.toMatchObject({
      code: 'PLUGIN_MISMATCH',
      message: expect.stringMatching(/^plugin "acme": helper acme_twice is another in this worker/),
    })
    mates.push(await Mate.with(handle, { plugin: 'acme' }))
  })

  it('is not to be had without shared memory', async () => {
    const runtime = await createRuntime()
    open.push(runtime)
    expect(() => runtime.share()).toThrow(expect.objectContaining({ code: 'UNSHARED' }))
    await expect(createRuntime({ workers: -1 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
    await expect(createRuntime({ workers: 4, cpus: 4 })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })
})

describe('a worker that dies', () => {
  it('inside a section leaves a lock that is named, not waited for', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const worker = await mateOf(runtime)
    const flows = collection.map('flows')
    const word = flows.address + mapLayout.MAP_LOCK
    await worker.ask({ order: 'hold', word })
    const guarded = collection.map('guarded').lookupAddress(new Uint8Array(4))
    await worker.ask({ order: 'hold', word: guarded })
    await worker.terminate()
    // As if its values held something of which nobody knows what became: it is not repaired.
    const fields = (flows.address + mapLayout.MAP_FREE_FIELDS) >> 2
    runtime.arena.u32[fields] = 1
    runtime.unshare(worker.handle)
    runtime.arena.u32[fields] = 0
    expect(() => flows.update(Uint8Array.of(1, 0, 0, 0), new Uint8Array(8))).toThrow(
      expect.objectContaining({
        code: 'ETIMEDOUT',
        message: expect.stringMatching(/held by CPU 1, whose worker has ended/),
      }),
    )
    expect(() => collection.program('lock', 'xdp').testRun({ data: packet })).toThrow(
      expect.objectContaining({
        code: 'LOCK',
        message: expect.stringMatching(
          /^lock: the bpf_spin_lock at 0x\w+ is held by CPU 1, whose worker has ended/,
        ),
      }),
    )
    // Another worker under the same number is not taken for it.
    const next = await mateOf(runtime)
    expect(next.handle.cpu).toBe(1)
    await expect(
      next.ask({ order: 'update', map: 'flows', key: new Uint8Array(4), value: new Uint8Array(8) }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  it('with records that it had reserved leaves the ring to the others', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const worker = await mateOf(runtime)
    const { arena } = runtime
    const ring = arena.u32[(collection.map('ring').address + mapLayout.MAP_DATA) >> 2]!
    const word = (at: number): number => (ring + at) >> 2
    const report = (): number => collection.program('report', 'xdp').testRun({ data: packet }).retval
    report()
    // What bpf_ringbuf_reserve writes, and the lock in the middle of another one.
    const at = arena.u32[word(ringLayout.RING_PRODUCER)]!
    const record = ringLayout.RING_DATA + at
    arena.u32[word(record)] = 8 | ringLayout.RECORD_BUSY
    arena.u32[word(record) + 1] = (record >> 12) | (worker.handle.cpu << ringLayout.RECORD_CPU_SHIFT)
    arena.u32[word(ringLayout.RING_PRODUCER)] = at + 16
    report()
    await worker.ask({ order: 'hold', word: ring + ringLayout.RING_LOCK })
    const reader = openRingBuffer(collection.map('ring'))
    const numbers: number[] = []
    const consume = (): number =>
      reader.consume((bytes) => numbers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)))
    expect(consume()).toBe(1)
    await worker.terminate()
    runtime.unshare(worker.handle)
    expect(report()).toBe(PASS)
    expect(consume()).toBe(2)
    expect(numbers).toEqual([0, 1, 2])
    reader.close()
  })

  it('anywhere gives back its CPU and its memory, and what waits for it goes on', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const used = runtime.arena.used
    const worker = await mateOf(runtime)
    worker.tell({ order: 'batch', program: 'count', ...batchOf(runtime, 1000), rounds: 1e9 })
    const left = new Promise((resolve) => runtime.once('leave', resolve))
    collection.close()
    expect(runtime.arena.used).toBeGreaterThan(used)
    await worker.terminate()
    runtime.unshare(worker.handle)
    expect(await left).toEqual({ cpu: 1, closed: false })
    expect(runtime.arena.used).toBeLessThan(used)
    runtime.unshare(worker.handle)
  })

  it('inside the allocator leaves an error', async () => {
    const runtime = await create()
    const worker = await mateOf(runtime)
    await worker.ask({ order: 'hold', word: 0x1_0004 })
    await worker.terminate()
    // The table says that it is gone before anything of it is freed.
    expect(() => runtime.unshare(worker.handle)).toThrow(expect.objectContaining({ code: 'EDEADLK', cpu: 1 }))
    expect(() => runtime.arena.alloc(64)).toThrow(expect.objectContaining({ code: 'EDEADLK', cpu: 1 }))
    Atomics.store(runtime.arena.i32, 0x1_0004 >> 2, 0)
  })
})

describe('a spread', () => {
  const frame = (n: number, back = false): Uint8Array => {
    const [a, b] = [`192.0.2.${n & 255}`, '198.51.100.7']
    const [p, q] = [1024 + n, 443]
    return buildPacket([
      { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
      { layer: 'ipv4', src: back ? b : a, dst: back ? a : b },
      { layer: 'udp', srcPort: back ? q : p, dstPort: back ? p : q },
    ])
  }

  it('gives each packet to one worker, and both directions of a flow to the same', async () => {
    const runtime = await create()
    const collection = await runtime.load(spec)
    const both = await crew(runtime)
    const spread = runtime.spread(both.map(({ handle }) => handle))
    const received = both.map((mate) =>
      mate.ask<Record<number, number>>({ order: 'receive', program: 'count' }),
    )
    const expected = [0, 0]
    for (let n = 0; n < 1000; n++) {
      const there = frame(n)
      expected[spread.workerOf(there)]!++
      expect(spread.workerOf(frame(n, true))).toBe(spread.workerOf(there))
      while (!spread.send(there)) await new Promise((resolve) => setTimeout(resolve))
    }
    await spread.end()
    expect(await Promise.all(received)).toEqual([{ 101: expected[0] }, { 102: expected[1] }])
    expect(Math.min(...expected)).toBeGreaterThan(400)
    expect(spread.stats.sent).toBe(1000)
    expect(collection.map('totals', { key: codec.u32, value: codec.u64 }).get(0)).toBe(1000n)
    expect(() => spread.send(frame(1))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('refuses what makes no sense, and ends when a worker is gone', async () => {
    const runtime = await create()
    const worker = await mateOf(runtime)
    const { handle } = worker
    expect(() => runtime.spread([])).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
    expect(() => runtime.spread([handle], { slots: 3 })).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    )
    const spread = runtime.spread([handle], { slots: 2, frameSize: 64 })
    expect(() => runtime.spread([handle])).toThrow(expect.objectContaining({ code: 'TAKEN' }))
    expect(() => spread.send(new Uint8Array(65))).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
    expect([spread.send(packet), spread.send(packet), spread.send(packet)]).toEqual([true, true, false])
    expect(spread.stats).toEqual({ sent: 2, lost: 1 })
    const ended = spread.end()
    await worker.terminate()
    runtime.unshare(handle)
    await ended
  })
})

it('the control block says which worker it is of', async () => {
  const runtime = await create()
  const worker = await joinRuntime(runtime.share())
  open.push(worker)
  const owner = runtime.arena.view.getUint32(worker.host.control + control.CTL_OWNER, true)
  expect(owner & 0xfff).toBe(worker.cpu)
  expect(runtime.arena.exports.isGone(owner)).toBe(0)
})

it('the example of docs/guide/workers.md does what the page says', async () => {
  const page = readFileSync(new URL('../../../docs/guide/workers.md', import.meta.url), 'utf8')
  const [main, packets] = [...page.matchAll(/^```js\n([\s\S]*?)^```/gm)].map((match) => match[1]!)
  const prints = /^```text\n([\s\S]*?)^```/m.exec(page)![1]
  const directory = temporary()
  const files = { 'main.mjs': main!, 'packets.mjs': packets! }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  await bundle(
    Object.keys(files).map((name) => join(directory, name)),
    directory,
  )
  const cwd = fileURLToPath(new URL('../../../apps/cli/testdata', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'main.js')], { cwd })
  expect(stdout).toBe(prints)
})
