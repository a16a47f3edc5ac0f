import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createRuntime, mapLayout, type RuntimeOptions } from '../src/index.ts'
import { fixture, loadHere, loadThere, type Side, u32 } from './both-sides.ts'
import { engines } from './hostile-tools.ts'

const availability = await isKernelAvailable()
const kernel = availability.ok ? await openKernel() : undefined
const spec = await fixture('objects')

const KEYS = [50n, 20n, 80n, 10n, 30n, 70n, 90n, 60n, 65n, 62n, 61n, 5n, 1n, 50n, 100n, 95n]

/** What programs told on a side. */
function story(side: Side): unknown[] {
  const told: unknown[] = []
  const run = (name: string, arg = 0): void => {
    side.set('arg', BigInt(arg))
    told.push([name, arg, side.run(name)])
  }
  run('lists')
  told.push(side.get('out'), side.get('filled'))
  for (let n = 1; n <= KEYS.length; n += 5) {
    side.set('input', ...KEYS.slice(n - 1, n + 4))
    side.set('inputs', BigInt(Math.min(5, KEYS.length - n + 1)))
    run('plant')
    told.push(side.get('out').slice(0, Number(side.get('filled')[0])))
  }
  side.set('inputs', 0n)
  for (let n = 0; n < 18; n++) {
    run('fell', n % 3 === 2 ? 1 : 0)
    run('plant')
    told.push(side.get('out').slice(0, Number(side.get('filled')[0])))
  }
  run('both')
  told.push(side.get('out').slice(0, 3))
  run('fell')
  run('leave')
  for (const index of [0, 1, 0, 0, 1, 7]) {
    run('keep', index)
    run('peek', index)
    run('count', 0)
  }
  run('churn', 500)
  return told
}

describe('objects of programs', () => {
  const there = kernel && loadThere(kernel, spec)
  const expected = there && story(there)
  there?.close()

  const runtimes: readonly (readonly [string, RuntimeOptions])[] = [
    ...engines.map((engine) => [engine, { engine }] as const),
    ['jit in shared memory', { shared: true }],
    ['interpreter in shared memory', { shared: true, engine: 'interpreter' }],
    ['one engine after another', { tierUp: true }],
  ]
  it.each(runtimes)('%s gives what the kernel gives', async (_, options) => {
    const here = await loadHere(spec, options)
    const told = story(here)
    if (expected) expect(told).toEqual(expected)
    else expect(told[0]).toEqual(['lists', 0, 0])
    here.close()
  })
})

describe('what objects take', () => {
  const packet = { data: new Uint8Array(64) }
  const load = async (options: Parameters<typeof createRuntime>[0] = {}) => {
    const runtime = await createRuntime(options)
    const collection = await runtime.load(spec)
    const bss = spec.variables.find(({ name }) => name === 'arg')!
    const run = (name: string, arg = 0): number => {
      const globals = collection.map(bss.map)
      const value = globals.lookup(u32(0))!
      new DataView(value.buffer).setUint32(bss.offset, arg, true)
      globals.update(u32(0), value)
      return collection.program(name, 'xdp').testRun(packet).retval
    }
    return { runtime, collection, run }
  }

  it.each(engines)(
    'goes back when they are dropped, replaced or deleted with what holds them, on %s',
    async (engine) => {
      const { runtime, collection, run } = await load({ engine })
      const { arena } = runtime
      const queues = collection.map('queues')
      run('lists')
      run('churn', 3)
      const before = arena.used
      const takes = (act: () => void): number => {
        const used = arena.used
        act()
        return arena.used - used
      }
      expect(takes(() => run('lists'))).toBe(0)
      expect(takes(() => run('churn', 500))).toBe(0)
      for (const key of [1, 2]) queues.update(u32(key), new Uint8Array(queues.valueSize))
      const three = (key: number): number =>
        takes(() => {
          for (let n = 0; n < 3; n++) expect(run('enqueue', key)).toBe(0)
        })
      const taken = three(1)
      expect(taken).toBeGreaterThan(3 * 96)
      expect(three(2)).toBe(taken)
      expect([...queues.lookup(u32(1))!]).toEqual([0, 0, 0, 0, 3, ...new Array(19).fill(0)])
      expect(takes(() => queues.delete(u32(1)))).toBe(-taken)
      expect(takes(() => queues.update(u32(2), new Uint8Array(queues.valueSize)))).toBe(-taken)
      three(2)
      // Under the lock the value changes, and the list stays.
      expect(takes(() => queues.update(u32(2), new Uint8Array(queues.valueSize), mapLayout.BPF_F_LOCK))).toBe(
        0,
      )
      expect(queues.lookup(u32(2), mapLayout.BPF_F_LOCK)?.[4]).toBe(0)
      expect(() => queues.lookup(u32(2), 8)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
      queues.delete(u32(2))
      run('keep', 1)
      run('count', 1)
      const boxes = collection.map('boxes')
      expect(takes(() => boxes.update(u32(1), new Uint8Array(boxes.valueSize)))).toBeLessThan(0)
      expect(arena.used).toBe(before)
      expect(() => boxes.freeze()).toThrow(expect.objectContaining({ code: 'ENOTSUPP' }))
      run('leave')
      run('keep', 0)
      collection.close()
      const closed = arena.used
      const again = await runtime.load(spec)
      for (const name of ['leave', 'keep', 'count', 'both']) again.program(name, 'xdp').testRun(packet)
      again.close()
      expect(arena.used).toBe(closed)
      runtime.close()
    },
  )

  it('counts against the limit of the runtime: then there is none', async () => {
    const { runtime, run } = await load({ limit: 512 << 10 })
    let full = 0
    for (let n = 0; n < 2000 && full === 0; n++) full = run('leave')
    expect(full).toBe(1)
    const room = run('churn', 1000)
    expect(room).toBeLessThan(10)
    expect(run('lists')).toBe(1)
    expect(run('churn', 1000)).toBeGreaterThan(room)
    runtime.close()
  })

  it('goes back at the end, however many there are', async () => {
    const { runtime, run } = await load()
    for (let n = 0; n < 400; n++) run('leave')
    runtime.close()
    expect(runtime.arena.exports.check()).toBe(0)
  })

  it('programs that nobody verified may not reach them', async () => {
    using runtime = await createRuntime({ engine: 'interpreter' })
    const unverified = runtime.load(spec, { verify: false, programs: ['keep'] })
    await expect(unverified).rejects.toThrow(/programs that are not verified may call helpers only/)
  })
})
