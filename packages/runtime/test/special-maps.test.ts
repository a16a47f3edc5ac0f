import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { mapLayout } from '../src/index.ts'
import { fixture, loadHere, loadThere, type Side, u32 } from './both-sides.ts'
import { engines } from './hostile-tools.ts'

// What bpf(2) does to special fields of values, here and in the kernel.

const availability = await isKernelAvailable()
const kernel = availability.ok ? await openKernel() : undefined
const spec = await fixture('special_maps')
const { BPF_F_LOCK, BPF_NOEXIST } = mapLayout

const holders = ['hash', 'sparse', 'lru', 'array', 'percpu_hash', 'percpu_array']

/** What an operation gives, or its errno. */
function outcome(act: () => unknown): unknown {
  try {
    const result = act()
    return result instanceof Uint8Array ? [...result] : result === undefined ? 'ok' : Boolean(result)
  } catch (error) {
    const { code, errno } = error as { code?: string; errno?: string }
    return errno ?? code
  }
}

const firstValue = (value: unknown): unknown => (Array.isArray(value) ? value.slice(0, 24) : value)

function story(side: Side, cpus: number): unknown[] {
  const told: unknown[] = []
  side.set('last', BigInt(cpus - 1))
  const call = (program: string, arg: number): void => {
    side.set('arg', BigInt(arg))
    told.push([program, arg, side.run(program)])
  }
  for (const name of holders) {
    const map = side.map(name)
    const value = (fill: number): Uint8Array =>
      new Uint8Array(24 * (name.startsWith('percpu') ? cpus : 1)).fill(fill)
    const look = (key: number): void => {
      call(`has_${name}`, key)
      told.push(firstValue(outcome(() => map.lookup(u32(key)))))
    }
    told.push(outcome(() => map.update(u32(1), value(7))))
    look(1)
    call(`put_${name}`, 1)
    look(1)
    told.push(outcome(() => map.update(u32(1), value(9), BPF_NOEXIST)))
    look(1)
    told.push(outcome(() => map.update(u32(1), value(8), BPF_F_LOCK)))
    look(1)
    told.push(outcome(() => map.update(u32(1), value(8))))
    look(1)
    call(`put_${name}`, 1)
    told.push(outcome(() => map.delete(u32(1))))
    look(1)
    told.push(outcome(() => map.update(u32(1), value(6))))
    look(1)
    // As many more as push the first one out of an LRU, and come into its place.
    for (let key = 2; key < 12; key++) outcome(() => map.update(u32(key), value(key)))
    if (name !== 'lru') look(1)
  }
  for (const name of ['locked_hash', 'locked_array']) {
    const map = side.map(name)
    const value = (fill: number): Uint8Array => new Uint8Array(16).fill(fill)
    for (const flags of [0, BPF_F_LOCK, BPF_F_LOCK | BPF_NOEXIST]) {
      told.push(outcome(() => map.update(u32(2), value(3 + flags), flags)))
      told.push(outcome(() => map.lookup(u32(2))))
      told.push(outcome(() => map.lookup(u32(2), BPF_F_LOCK)))
    }
    told.push(outcome(() => map.lookup(u32(2), 8)))
  }
  told.push(outcome(() => side.map('hash').lookup(u32(1), BPF_F_LOCK)))
  for (const name of ['hash', 'locked_array']) told.push([name, outcome(() => side.map(name).freeze())])
  return told
}

describe('special fields under bpf(2)', () => {
  const there = kernel && loadThere(kernel, spec)
  const expected = there && story(there, there.map('percpu_array').lookup(u32(0))!.length / 24)
  there?.close()

  it.each([
    ...engines.map((engine) => [engine, { engine }] as const),
    ['shared memory', { shared: true }] as const,
  ])('%s gives what the kernel gives', async (_, options) => {
    const here = await loadHere(spec, { ...options, cpus: 2 })
    const told = story(here, 2)
    expect(told).toEqual(expected ?? told)
    expect(told[0]).toBe('ok')
    here.close()
  })
})
