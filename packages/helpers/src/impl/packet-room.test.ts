import { type Kernel, openKernel } from '@skep/linux'
import { skbLayout as skb } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../../test/impl/calls.ts'
import { BUFFER, type Step, stepsHere, stepsThere } from '../../test/impl/packets.ts'
import { createSkb } from '../../test/impl/skb.ts'
import { createWorld, type World } from '../../test/impl/world.ts'

const RUNS = Number(process.env['SKEP_RUNS'] ?? 200)

const step = (helper: string, ...args: fc.Arbitrary<number | 'buffer'>[]): fc.Arbitrary<Step> =>
  fc.tuple(...args).map((a) => ({ helper, args: a }))
const buffer = fc.constant('buffer' as const)
const seldom = (usual: number, ...others: number[]): fc.Arbitrary<number> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))

/** Frames of IPv4, IPv6 and something else. */
const frame = fc
  .tuple(fc.constantFrom(0x0800, 0x86dd, 0x0806), fc.uint8Array({ minLength: 90, maxLength: 160 }))
  .map(([type, bytes]) => {
    new DataView(bytes.buffer).setUint16(12, type)
    return bytes
  })

const flags = fc
  .tuple(
    fc.array(fc.constantFrom(0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x100), { maxLength: 3 }),
    seldom(0, 14, 4, 13, 40),
    seldom(0, 0x200, 0x8000),
  )
  .map(([bits, inner, wrong]) => bits.reduce((a, b) => a | b, wrong) + inner * 2 ** 56)

describe.skipIf(missing)(named('what goes with a packet as in the kernel'), () => {
  let kernel: Kernel
  let world: World
  beforeAll(async () => {
    kernel = await openKernel()
    world = createWorld()
  })
  afterAll(() => kernel.close())

  const compare = (steps: fc.Arbitrary<Step[]>): void => {
    fc.assert(
      fc.property(frame, steps, (bytes, list) => {
        const theirs = stepsThere(kernel, 'sched_cls', bytes, list, 0)
        const { context, read, release } = createSkb(world, bytes)
        const ours = stepsHere(world, context, list, read)
        release()
        expect(ours).toEqual(theirs)
      }),
      { numRuns: RUNS },
    )
  }

  it('room between headers, and protocols', () => {
    const difference = fc.oneof(
      fc.integer({ min: -80, max: 80 }),
      fc.constantFrom(4096, -4096, 4095, 20, -20, 40, 0),
    )
    const room = step('bpf_skb_adjust_room', difference, seldom(1, 0, 0, 2), flags)
    compare(
      fc.array(
        fc.oneof(
          room,
          room,
          step('bpf_skb_change_proto', fc.constantFrom(0x0008, 0xdd86, 0x0608), seldom(0, 1)),
          step(
            'bpf_skb_load_bytes_relative',
            fc.nat(60),
            buffer,
            fc.constantFrom(4, 20),
            fc.constantFrom(0, 1),
          ),
        ),
        { minLength: 1, maxLength: 5 },
      ),
    )
  })

  it('checksum levels, time stamps and marks of congestion', () => {
    compare(
      fc.array(
        fc.oneof(
          step('bpf_csum_level', fc.nat(4)),
          step('bpf_skb_set_tstamp', fc.constantFrom(0, 5, 1e15), fc.nat(3)),
          step('bpf_skb_ecn_set_ce'),
          step('bpf_skb_change_proto', fc.constantFrom(0x0008, 0xdd86), fc.constant(0)),
          step('bpf_set_hash', fc.integer({ min: 1, max: 0xffff_ffff })),
          step('bpf_skb_adjust_room', fc.constantFrom(8, -8), fc.constantFrom(0, 1), seldom(0, 0x20)),
        ),
        { minLength: 1, maxLength: 8 },
      ),
    )
  })

  it('all flags of tunnel keys', () => {
    const bytes = Uint8Array.from({ length: 90 }, (_, n) => (n === 12 ? 8 : n === 13 ? 0 : n + 1))
    for (let set = 0; set < 32; set++) {
      for (const get of [set & 1, 16 | (set & 1), ~set & 1]) {
        const steps: Step[] = [
          { helper: 'bpf_skb_load_bytes_relative', args: [70_000, 'buffer', BUFFER, 0] },
          { helper: 'bpf_skb_load_bytes', args: [0, 'buffer', 22] },
          { helper: 'bpf_skb_set_tunnel_key', args: ['buffer', 44, set] },
          { helper: 'bpf_skb_get_tunnel_key', args: ['buffer', 44, get] },
        ]
        const { context, read, release } = createSkb(world, bytes)
        const ours = stepsHere(world, context, steps, read)
        release()
        expect(ours, `${set} ${get}`).toEqual(stepsThere(kernel, 'sched_cls', bytes, steps, 0))
      }
    }
  })

  it('keys and options of tunnels', () => {
    const length = fc.constantFrom(44, 44, 44, 28, 24, 22, 8, 20, 4)
    // Bytes of zeros, so that reserved fields are.
    const clear = step(
      'bpf_skb_load_bytes_relative',
      fc.constant(70_000),
      buffer,
      fc.constant(BUFFER),
      fc.constant(0),
    )
    const set = step('bpf_skb_set_tunnel_key', buffer, length, fc.oneof(fc.nat(32), fc.constantFrom(0, 1)))
    const get = step('bpf_skb_get_tunnel_key', buffer, length, fc.constantFrom(0, 1, 16, 17, 2))
    const rest = fc.oneof(
      set,
      get,
      get,
      clear,
      step('bpf_skb_load_bytes', fc.nat(20), buffer, fc.constantFrom(8, 22, 44)),
      step('bpf_skb_set_tunnel_opt', buffer, fc.constantFrom(4, 8, 60, 6)),
      step('bpf_skb_get_tunnel_opt', buffer, fc.constantFrom(4, 8, 60, 64)),
      step('bpf_skb_change_proto', fc.constantFrom(0x0008, 0xdd86), fc.constant(0)),
    )
    compare(
      fc
        .tuple(fc.boolean(), clear, set, get, fc.array(rest, { maxLength: 6 }))
        .map(([fresh, zeros, first, second, more]) => (fresh ? [] : [zeros, first, second]).concat(more)),
    )
  })
})

describe('a packet’s hash', () => {
  const world = createWorld()
  const udp = (change: (view: DataView) => void = () => {}): Uint8Array => {
    const bytes = new Uint8Array(60)
    const view = new DataView(bytes.buffer)
    view.setUint16(12, 0x0800)
    view.setUint8(14, 0x45)
    view.setUint8(23, 17)
    view.setUint32(26, 0x0a000001)
    view.setUint32(30, 0x0a000002)
    view.setUint32(34, 0x1234_0035)
    change(view)
    return bytes
  }
  const hashOf = (bytes: Uint8Array): bigint => {
    const { context, release } = createSkb(world, bytes)
    const hash = world.call('bpf_get_hash_recalc', context)
    expect(world.arena.view.getUint32(context + skb.SKB_HASH, true)).toBe(Number(hash))
    release()
    return hash
  }

  it('is that of its flow', () => {
    const hash = hashOf(udp())
    expect(hash).not.toBe(0n)
    expect(hashOf(udp())).toBe(hash)
    expect(hashOf(udp((view) => view.setUint8(50, 9)))).toBe(hash)
    expect(hashOf(udp((view) => view.setUint16(36, 54)))).not.toBe(hash)
    expect(hashOf(udp((view) => view.setUint32(30, 1)))).not.toBe(hash)
    expect(hashOf(udp((view) => view.setUint8(23, 6)))).not.toBe(hash)
  })

  it('stays what it was set to', () => {
    const { context, release } = createSkb(world, udp())
    world.call('bpf_set_hash', context, 7)
    expect(world.call('bpf_get_hash_recalc', context)).toBe(7n)
    world.call('bpf_set_hash_invalid', context)
    expect(world.call('bpf_get_hash_recalc', context)).toBe(hashOf(udp()))
    release()
  })
})
