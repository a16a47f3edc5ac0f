import { isKernelAvailable, openKernel } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, control, createRuntime, createSocket, sockLayout } from '../src/index.ts'
import { fixture, loadHere, loadThere, type Side, u32 } from './both-sides.ts'
import { engines, spec, withMap } from './hostile-tools.ts'

// Locks that may fail, elements counted, sockets of events in maps: here and in the kernel.

const available = await isKernelAvailable()
const kernel = available.ok ? await openKernel() : undefined
kernel?.pin(0)
const [locks, counts] = [await fixture('res_locks'), await fixture('element_counts')]

const sides = [
  ...engines.map((engine) => [engine, { engine }] as const),
  ['shared memory', { shared: true }] as const,
]

async function same(spec: CollectionSpec, story: (side: Side) => unknown[]): Promise<unknown[]> {
  const there = kernel && loadThere(kernel, spec)
  const expected = there && story(there)
  there?.close()
  let told: unknown[] = []
  for (const [name, options] of sides) {
    const here = await loadHere(spec, options)
    told = story(here)
    expect(told, name).toEqual(expected ?? told)
    here.close()
  }
  return told
}

describe('kernel functions on values and maps', () => {
  it('bpf_res_spin_lock, _unlock, _irqsave and _irqrestore', async () => {
    const told = await same(locks, (side) => [
      side.run('lock_all'),
      side.run('lock_twice'),
      side.run('lock_all'),
      side.get('results').slice(0, 5),
      side.get('counted'),
    ])
    expect(told).toEqual([0, 0, 0, [0n, 0n, 0n, -35n, 0n], [14n]])
  })

  it('bpf_map_sum_elem_count', async () => {
    const cpus = kernel?.possibleCpus ?? 1
    const told = await same(counts, (side) => {
      for (const name of ['hash', 'lru'])
        for (const n of [1, 2, 3]) side.map(name).update(u32(n), new Uint8Array(8))
      side.map('hash').delete(u32(2))
      const room = [8 * cpus, 8].find((bytes) => {
        try {
          side.map('percpu').update(u32(1), new Uint8Array(bytes))
          return true
        } catch {
          return false
        }
      })
      return [room !== undefined, side.run('count_all'), side.get('results')]
    })
    expect(told).toEqual([true, 0, [2n, 3n, 1n, 0n]])
  })
})

describe.each(engines)('the socket of an event on %s', (engine) => {
  it.each([
    ['bpf_sock_map_update', 'sockmap', 53],
    ['bpf_sock_hash_update', 'sockhash', 70],
  ])('%s', async (_, type, helper) => {
    using runtime = await createRuntime({ engine })
    const { arena } = runtime
    // The errno into the event's reply.
    const text = `r6 = r1\nr2 = 0 ll\n*(u32 *)(r10 - 4) = 1\nr3 = r10\nr3 += -4\nr4 = 1\ncall ${helper}\nr0 = -r0\n*(u32 *)(r6 + 4) = r0\nr0 = 1\nexit`
    const map = { name: 'm', type, keySize: 4, valueSize: 4, maxEntries: 2 }
    const loaded = await runtime.load(
      spec([withMap(text, 1, 'm', { type: 'sock_ops', section: 'sockops' })], [map]),
    )
    const { fields } = runtime.platform.programTypes.byName('sock_ops')!.context as {
      fields: readonly { name: string; offset: number }[]
    }
    const block = arena.alloc(control.RUN_HEADER_SIZE + 256)
    const context = block + control.RUN_HEADER_SIZE
    const socket = createSocket(arena, {
      source: { address: Uint8Array.of(10, 0, 0, 1), port: 80 },
      state: sockLayout.TCP_LISTEN,
    })
    const run = (op: number, sk: number): number => {
      arena.view.setUint32(context, op, true)
      arena.view.setBigUint64(context + fields.find(({ name }) => name === 'sk')!.offset, BigInt(sk), true)
      loaded.program('p').run(context)
      return arena.view.getUint32(context + 4, true)
    }
    expect([run(4, 0), run(3, socket)]).toEqual([95, 95])
    expect(run(4, socket)).toBe(0)
    expect(loaded.map('m').lookup(u32(1))).toEqual(u32(socket))
    // It is there already, and the program says that it must not be.
    expect([run(5, socket), run(11, socket)]).toEqual([17, 17])
    arena.free(block)
  })
})
