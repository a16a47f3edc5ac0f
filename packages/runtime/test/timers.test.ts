import { setTimeout as sleep } from 'node:timers/promises'
import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import {
  createRuntime,
  createVirtualClock,
  defineHelper,
  definePlugin,
  ProgramFault,
  type RuntimeOptions,
  ret,
} from '../src/index.ts'
import { fixture, loadHere, loadThere, type Side, u32 } from './both-sides.ts'
import { engines } from './hostile-tools.ts'

const availability = await isKernelAvailable()
const kernel = availability.ok ? await openKernel() : undefined
const spec = await fixture('timers')

const RUNS = 0
const KEY = 3
const QUEUED = 6

/** A word of an element's value: the runs and the key that its timer's callback saw, the runs of its work. */
const word = (side: Side, map: string, key: number, at: number): bigint => {
  const value = side.map(map).lookup(u32(key))!
  return new DataView(value.buffer, value.byteOffset).getBigUint64(8 * at, true)
}

const call = (side: Side, program: string, arg = 0): number => {
  side.set('arg', BigInt(arg))
  return side.run(program)
}

/** What programs and callbacks told; `until` lets time pass until something is so. */
async function story(side: Side, until: (done: () => boolean) => Promise<void>): Promise<unknown[]> {
  const told: unknown[] = []
  told.push(call(side, 'states'))
  await until(() => word(side, 'elements', 1, RUNS) === 1n)
  told.push(side.get('results'), side.get('in_callback'), word(side, 'elements', 1, KEY))

  side.set('again', 3n)
  told.push(call(side, 'start', 7))
  await until(() => word(side, 'elements', 7, RUNS) === 4n)
  told.push(side.get('in_callback'), side.get('fired'))

  told.push(call(side, 'start_slot', 2))
  await until(() => word(side, 'slots', 2, RUNS) === 1n)
  told.push(call(side, 'start_late', 3))
  await until(() => word(side, 'slots', 3, RUNS) === 1n)
  told.push(word(side, 'slots', 2, KEY), word(side, 'slots', 3, KEY))

  told.push(call(side, 'queue', 1))
  await until(() => word(side, 'slots', 1, QUEUED) >= 1n)
  told.push(side.get('results').slice(0, 11), word(side, 'slots', 1, KEY), word(side, 'slots', 0, RUNS))

  // Whoever deletes or replaces an element cancels its timer.
  const fired = side.get('fired')[0]!
  side.set('delay', 100_000_000n)
  for (const key of [4, 5]) told.push(call(side, 'start', key))
  side.map('elements').delete(u32(4))
  side.map('elements').update(u32(5), new Uint8Array(56))
  told.push(call(side, 'start_slot', 1))
  side.map('slots').update(u32(1), new Uint8Array(56))
  side.set('delay', 150_000_000n)
  told.push(call(side, 'start', 6))
  await until(() => word(side, 'elements', 6, RUNS) === 1n)
  told.push(side.get('fired')[0]! - fired, [...side.map('elements').lookup(u32(6))!].slice(8, 24))
  return told
}

async function polling(done: () => boolean): Promise<void> {
  while (!done()) await sleep(2)
}

const here = (options: RuntimeOptions): Promise<Side> => loadHere(spec, options)

describe('timers and work queues', () => {
  const expected = kernel
    ? (async () => {
        const there = loadThere(kernel, spec)
        const told = await story(there, polling)
        there.close()
        return told
      })()
    : undefined

  it.each(engines)('%s gives what the kernel gives, in time that the test advances', async (engine) => {
    const clock = createVirtualClock({ start: 1_000_000_000n })
    const side = await here({ engine, clock })
    const told = await story(side, async (done) => {
      for (let n = 0; n < 400 && !done(); n++) clock.advance(1_000_000n)
      expect(done()).toBe(true)
    })
    expect(told).toEqual((await expected) ?? told)
    const calls = [-22n, -22n, -22n, -22n, -22n, 0n, -16n, -22n, 0n, 0n, -22n, 0n, 1n, 0n, -22n, 0n]
    expect(told.slice(0, 2)).toEqual([0, calls])
    side.close()
  })

  it.each(engines)("%s runs them by the host's event loop", async (engine) => {
    const side = await here({ engine })
    side.set('delay', 1_000_000n)
    expect(call(side, 'start', 2)).toBe(0)
    expect(word(side, 'elements', 2, RUNS)).toBe(0n)
    await polling(() => word(side, 'elements', 2, RUNS) === 1n)
    side.close()
  })

  it('waits for its time, to the nanosecond', async () => {
    const clock = createVirtualClock()
    const side = await here({ clock })
    side.set('delay', 1_000n)
    call(side, 'start', 2)
    clock.advance(999n)
    expect(word(side, 'elements', 2, RUNS)).toBe(0n)
    clock.advance(1n)
    expect(word(side, 'elements', 2, RUNS)).toBe(1n)
    side.close()
  })

  it.each(engines)('%s raises what a callback throws, and goes on', async (engine) => {
    const clock = createVirtualClock()
    let throws = true
    const step = defineHelper({
      name: 'acme_step',
      id: 0x1_0001,
      args: [],
      returns: ret.scalar(),
      programTypes: 'all',
      call: () => {
        if (throws) throw new Error('no more')
        return 0
      },
    })
    const plugins = [definePlugin({ name: 'acme', helpers: [step] })]
    using runtime = await createRuntime({ engine, clock, plugins })
    const faults: unknown[] = []
    runtime.on('exception', (fault) => faults.push(fault.message))
    const collection = await runtime.load(await fixture('throwing_timer'))
    const runs = (): number => collection.map('slots').lookup(u32(0))![0]!
    const start = (): number =>
      collection.program('start', 'xdp').testRun({ data: new Uint8Array(64) }).retval
    for (let n = 1; n <= 40; n++) {
      expect(start()).toBe(0)
      clock.advance(1000n)
      expect(runs()).toBe(n)
      expect(faults.length).toBe(n)
    }
    expect(faults[0]).toMatch(/acme_step threw: no more/)
    throws = false
    for (const expected of [51, 62]) {
      expect(start()).toBe(0)
      clock.advance(1000n)
      expect(runs()).toBe(expected)
    }
    expect(faults.length).toBe(40)
  })

  it('refuses what is no clock', async () => {
    const clock = { now: () => 0n } as never
    await expect(createRuntime({ clock })).rejects.toThrow('option clock: an object is no clock')
  })

  it('ends with its collection, and gives everything back', async () => {
    const clock = createVirtualClock()
    const runtime = await createRuntime({ clock })
    const before = runtime.arena.used
    const faults: unknown[] = []
    runtime.on('exception', (fault) => faults.push(fault))
    const load = async () => {
      const collection = await runtime.load(spec)
      expect(collection.program('start', 'xdp').testRun({ data: new Uint8Array(64) }).retval).toBe(0)
      return collection
    }
    const first = await load()
    const held = runtime.arena.used
    first.close()
    const after = runtime.arena.used
    expect(after).toBeLessThan(held)
    ;(await load()).close()
    expect(runtime.arena.used).toBe(after)
    clock.advance(1_000_000_000n)
    expect(faults.filter((fault) => fault instanceof ProgramFault)).toEqual([])
    expect(after - before).toBeLessThan(40_000)
    runtime.close()
  })
})
