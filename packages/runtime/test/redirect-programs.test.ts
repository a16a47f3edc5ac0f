import { attachXdp, type XdpAttachOptions, type XdpStats } from '@skep/hook-xdp'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { setRedirect } from '@skep/maps'
import { createCollector, createDevicePair } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec, type ProgramSpec } from '../src/index.ts'
import { engines, program, send, spec, thrownBy, withMap } from './hostile-tools.ts'

// Programs that have a word on packets which are redirected to a device or a CPU (struct bpf_devmap_val, bpf_cpumap_val).

const available = await isKernelAvailable()

/** Key and flags of the redirect are the packet's first two bytes. */
const START = `
  mov r9, r1
  ldxw r6, [r1+0]
  ldxw r7, [r1+4]
  mov r2, r6
  add r2, 4
  mov r0, 1
  jle r2, r7, +1
  exit`
const go = withMap(`${START}\nldxb r2, [r6+0]\nldxb r3, [r6+1]\nlddw r1, 0\ncall 51\nexit`, 10, 'ports', {
  name: 'go',
})
/** The verdict is the third byte; a word of xdp_md goes into the fourth. */
const second = (name: string, attachType: string, word: number): ProgramSpec =>
  program(`${START}\nldxw r3, [r9+${word}]\nstxb [r6+3], r3\nldxb r0, [r6+2]\nexit`, { name, attachType })
const forDevices = second('for_devices', 'xdp_devmap', 20)
const forCpus = second('for_cpus', 'xdp_cpumap', 12)
/** Redirects to ifindex 9. */
const onward = program('mov r1, 9\nmov r2, 0\ncall 23\nexit', { name: 'onward', attachType: 'xdp_cpumap' })
const plain = program('mov r0, 2\nexit', { name: 'plain' })
const filter = program('mov r0, 0\nexit', { name: 'filter', type: 'socket_filter', section: 'socket' })

const ports = (type: string): MapSpec => ({ name: 'ports', type, keySize: 4, valueSize: 8, maxEntries: 16 })
const collection = (type: string): CollectionSpec =>
  spec([go, forDevices, forCpus, onward, plain, filter], [ports(type)])
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const pair = (a: number, b: number): Uint8Array => new Uint8Array(Int32Array.of(a, b).buffer)
const [ABORTED, DROP, PASS, TX, REDIRECT] = [0, 1, 2, 3, 4]
const BROADCAST = 8
const EXCLUDE_INGRESS = 16

describe.skipIf(!available.ok)('values with programs, beside the kernel', () => {
  it.each(['devmap', 'devmap_hash', 'cpumap'])('%s takes and refuses the same', async (type) => {
    const kernel = await openKernel()
    using runtime = await createRuntime({ cpus: kernel.possibleCpus })
    const made = collection(type)
    using reference = loadCollection(kernel, made)
    const here = await runtime.load(made)
    const names = ['for_devices', 'for_cpus', 'plain', 'filter'] as const
    const results = (
      give: (name: string) => number,
      update: (key: number, value: Uint8Array) => void,
    ): unknown =>
      [...names, 'nothing', 'negative'].flatMap((name) =>
        [0, 1].map((target) => {
          const word = name === 'nothing' ? 0x7fff_0000 : name === 'negative' ? -1 : give(name)
          const error = thrownBy(() => update(0, pair(target, word))) as
            | { readonly errno?: string; readonly code?: string }
            | undefined
          return [name, target, error?.errno ?? error?.code]
        }),
      )
    const theirs = reference.maps.get('ports')!
    const fdOf = (name: string): number => {
      const loaded = reference.programs.get(name)!
      if (!loaded.ok) throw new Error(`${name}: ${loaded.log}`)
      return loaded.fd
    }
    const expected = results(fdOf, (key, value) => theirs.update(u32(key), value))
    const ours = here.map('ports')
    const recordOf = (name: string): number => here.program(name).record
    expect(results(recordOf, (key, value) => ours.update(u32(key), value))).toEqual(expected)
    const right = type === 'cpumap' ? 'for_cpus' : 'for_devices'
    theirs.update(u32(1), pair(1, fdOf(right)))
    setRedirect(ours, 1, 1, here.program(right))
    const [their, our] = [theirs.lookup(u32(1))!, ours.lookup(u32(1))!]
    expect(our.subarray(0, 4)).toEqual(their.subarray(0, 4))
    expect(our).toEqual(pair(1, here.program(right).id))
    kernel.close()
  })
})

describe.each(engines)('packets that are redirected through maps with programs, on %s', (engine) => {
  type Setup = Awaited<ReturnType<typeof setUp>>
  async function setUp(type: string) {
    const runtime = await createRuntime({ engine, cpus: 2 })
    const loaded = await runtime.load(collection(type))
    return { runtime, loaded, map: loaded.map('ports') }
  }

  /** What comes out of two devices and the stack for these packets. */
  async function run(
    { runtime, loaded }: Setup,
    packets: readonly (readonly number[])[],
    options: XdpAttachOptions = {},
  ): Promise<{
    stats: XdpStats
    nine: number[][]
    ten: number[][]
    passed: number[][]
    exceptions: string[]
  }> {
    const [inside, outside] = createDevicePair()
    const [nine, ten, pass] = [createCollector(), createCollector(), createCollector()]
    const exceptions: string[] = []
    const note = (error: unknown): void => void exceptions.push((error as Error).message)
    runtime.on('exception', note)
    const redirect = new Map([
      [9, nine],
      [10, ten],
    ])
    const link = attachXdp(loaded.program('go', 'xdp'), inside, { pass, redirect, ...options })
    await send(outside, ...packets.map((bytes) => Uint8Array.from([...bytes, 0, 0, 0, 0]).subarray(0, 4)))
    await outside.close()
    const stats = await link.done
    runtime.off('exception', note)
    const of = ({ packets: got }: typeof nine): number[][] => got.map(({ data }) => [...data])
    return { stats, nine: of(nine), ten: of(ten), passed: of(pass), exceptions }
  }

  it.each(['devmap', 'devmap_hash'])('%s: the program of a device lets pass or drops', async (type) => {
    const setup = await setUp(type)
    setRedirect(setup.map, 1, 9, setup.loaded.program('for_devices'))
    setRedirect(setup.map, 2, 10)
    const verdicts = [PASS, DROP, ABORTED, TX, REDIRECT, 77]
    const { stats, nine, ten, exceptions } = await run(setup, [
      ...verdicts.map((verdict) => [1, 0, verdict]),
      [2, 0, DROP],
      [3, 0, PASS],
    ])
    // It saw where the packet would go.
    expect([nine, ten]).toEqual([[[1, 0, PASS, 9]], [[2, 0, DROP, 0]]])
    const { redirected, dropped, aborted, redirectFailed } = stats
    expect({ redirected, dropped, aborted, redirectFailed }).toEqual({
      redirected: 2,
      dropped: 1,
      // The redirect without an element returned the flags: 0, XDP_ABORTED.
      aborted: 5,
      redirectFailed: 0,
    })
    expect(exceptions.filter((text) => text.startsWith('for_devices: '))).toHaveLength(4)
    setup.runtime.close()
  })

  it('cpumap: packets go to the stack, or where its program redirects them', async () => {
    const setup = await setUp('cpumap')
    setRedirect(setup.map, 0, 192, setup.loaded.program('for_cpus'))
    setRedirect(setup.map, 1, 192, setup.loaded.program('onward'))
    const verdicts = [PASS, DROP, TX, REDIRECT]
    const { stats, nine, passed } = await run(setup, [
      ...verdicts.map((verdict) => [0, 0, verdict]),
      [1, 0, 5],
    ])
    const ingress = passed[0]![3]!
    expect(ingress).toBeGreaterThan(0)
    expect([nine, passed]).toEqual([[[1, 0, 5, 0]], [[0, 0, PASS, ingress]]])
    const { redirected, dropped, aborted, redirectFailed } = stats
    expect({ redirected, dropped, aborted, redirectFailed }).toEqual({
      redirected: 2,
      dropped: 1,
      aborted: 1,
      redirectFailed: 1,
    })
    setRedirect(setup.map, 0, 192)
    expect((await run(setup, [[0, 0, DROP]])).passed).toEqual([[0, 0, DROP, 0]])
    setup.runtime.close()
  })

  it('a broadcast goes to every device, each program has its own copy', async () => {
    const setup = await setUp('devmap_hash')
    setRedirect(setup.map, 5, 9, setup.loaded.program('for_devices'))
    setRedirect(setup.map, 6, 10)
    const both = await run(setup, [[0, BROADCAST, PASS]])
    expect([both.nine, both.ten]).toEqual([[[0, BROADCAST, PASS, 9]], [[0, BROADCAST, PASS, 0]]])
    const used = setup.runtime.arena.used
    const one = await run(setup, [[0, BROADCAST, DROP]])
    expect([one.nine, one.ten, one.stats.dropped]).toEqual([[], [[0, BROADCAST, DROP, 0]], 1])
    expect(setup.runtime.arena.used).toBe(used)
    const flags = BROADCAST | EXCLUDE_INGRESS
    setup.map.delete(u32(5))
    setup.map.delete(u32(6))
    expect((await run(setup, [[0, flags, PASS]])).stats).toMatchObject({ redirected: 0, dropped: 1 })
    setup.runtime.close()
  })

  it('an element goes with its program, and such a program attaches to no device', async () => {
    const setup = await setUp('devmap_hash')
    const other = await setup.runtime.load(spec([forDevices], []))
    setRedirect(setup.map, 1, 9, other.program('for_devices'))
    setRedirect(setup.map, 2, 9, setup.loaded.program('for_devices'))
    expect(setup.map.size).toBe(2)
    other.close()
    expect([setup.map.size, setup.map.lookup(u32(1))]).toEqual([1, undefined])
    const [device] = createDevicePair()
    const attach = (): unknown => attachXdp(setup.loaded.program('for_devices', 'xdp'), device!)
    expect(thrownBy(attach)).toMatchObject({ code: 'WRONG_PROGRAM_TYPE' })
    const narrow = await setup.runtime.load(spec([], [{ ...ports('devmap'), valueSize: 4 }]))
    const give = (): unknown => setRedirect(narrow.map('ports'), 1, 9, setup.loaded.program('for_devices'))
    expect(thrownBy(give)).toMatchObject({ code: 'EINVAL' })
    setup.runtime.close()
  })
})
