import { createXdpFrame } from '@skep/hook-xdp'
import { type Kernel, openKernel } from '@skep/linux'
import { skbLayout as skb, xdpLayout as xdp } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../../test/impl/calls.ts'
import { BUFFER, type Step, stepsHere, stepsThere } from '../../test/impl/packets.ts'
import { createSkb, ETH_HLEN } from '../../test/impl/skb.ts'
import { createWorld, type World } from '../../test/impl/world.ts'

const RUNS = Number(process.env['SKEP_RUNS'] ?? 150)

const step = (helper: string, ...args: fc.Arbitrary<number | 'buffer'>[]): fc.Arbitrary<Step> =>
  fc.tuple(...args).map((a) => ({ helper, args: a }))
const near = (...centres: number[]): fc.Arbitrary<number> =>
  fc.tuple(fc.constantFrom(...centres), fc.integer({ min: -3, max: 3 })).map(([c, d]) => c + d)
const buffer = fc.constant('buffer' as const)
const size = fc.integer({ min: 1, max: BUFFER })
/** The kernel's test run refuses an EtherType of IP without room for the header. */
const IP_HEADER_ROOM = ETH_HLEN + 40
const promisesIp = (bytes: Uint8Array): boolean =>
  (bytes[12] === 0x08 && bytes[13] === 0x00) || (bytes[12] === 0x86 && bytes[13] === 0xdd)
const packet = fc
  .uint8Array({ minLength: ETH_HLEN, maxLength: 120 })
  .filter((bytes) => bytes.length >= IP_HEADER_ROOM || !promisesIp(bytes))

describe.skipIf(missing)(named('packets as the kernel'), () => {
  let kernel: Kernel
  let world: World
  beforeAll(async () => {
    kernel = await openKernel()
    world = createWorld()
  })
  afterAll(() => kernel.close())

  it('XDP: head, meta, tail, loads and stores', () => {
    const delta = fc.oneof(fc.integer({ min: -40, max: 40 }), near(-256, -216, 256, 3500, 3520, -3500, 65536))
    const steps = fc.array(
      fc.oneof(
        step('bpf_xdp_adjust_head', delta),
        step('bpf_xdp_adjust_tail', delta),
        step('bpf_xdp_adjust_meta', fc.oneof(fc.constantFrom(-4, -8, -32, 4, 8), delta)),
        step('bpf_xdp_get_buff_len'),
        step('bpf_xdp_load_bytes', fc.oneof(fc.nat(130), near(65536)), buffer, size),
        step('bpf_xdp_store_bytes', fc.oneof(fc.nat(130), near(65536)), buffer, size),
      ),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(packet, steps, (bytes, list) => {
        const theirs = stepsThere(kernel, 'xdp', bytes, list, 2)
        const frame = createXdpFrame(world.arena, bytes)
        const at = (offset: number): number => world.arena.view.getUint32(frame.context + offset, true)
        const ours = stepsHere(world, frame.context, list, () =>
          world.arena.u8.slice(at(xdp.XDP_DATA_META), at(xdp.XDP_DATA_END)),
        )
        frame.release()
        expect(ours).toEqual(theirs)
      }),
      { numRuns: RUNS },
    )
  })

  it('tc: loads, stores, checksums and lengths', () => {
    const offset = fc.oneof(fc.nat(130), near(0xffff, 0x7fff_ffff))
    const word = fc.oneof(fc.constantFrom(0, 0xffff, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }))
    const l4 = fc.constantFrom(0, 2, 4, 3, 0x10, 0x12, 0x14, 0x20, 0x22, 0x24, 0x60, 0x62, 0x74, 0x90, 0x100)
    const steps = fc.array(
      fc.oneof(
        step('bpf_skb_load_bytes', offset, buffer, size),
        step('bpf_skb_load_bytes_relative', offset, buffer, size, fc.constantFrom(0, 1, 2)),
        step('bpf_skb_store_bytes', offset, buffer, size, fc.constantFrom(0, 1, 2, 3, 4)),
        step(
          'bpf_l3_csum_replace',
          offset,
          fc.oneof(word, fc.constant(0)),
          word,
          fc.constantFrom(0, 2, 4, 3, 0x10),
        ),
        step('bpf_l4_csum_replace', offset, fc.oneof(word, fc.constant(0)), word, l4),
        step('bpf_csum_update', word),
        step('bpf_skb_pull_data', fc.nat(200)),
        step(
          'bpf_skb_change_tail',
          fc.oneof(fc.nat(200), near(ETH_HLEN, 16064, 16384)),
          fc.constantFrom(0, 0, 1),
        ),
        // Within the head room: to make more, the kernel moves a transport header that was never set.
        step('bpf_skb_change_head', fc.oneof(fc.nat(7), near(16384)), fc.constantFrom(0, 0, 1)),
        step('bpf_skb_change_type', fc.nat(5)),
        step('bpf_set_hash', word),
      ),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(packet, steps, (bytes, list) => {
        const theirs = stepsThere(kernel, 'sched_cls', bytes, list, 0)
        const { context, read, release } = createSkb(world, bytes)
        const ours = stepsHere(world, context, list, read)
        release()
        expect(ours).toEqual(theirs)
      }),
      { numRuns: RUNS },
    )
  })

  it('tc: VLAN tags', () => {
    // Tags in tags, a length, and a protocol.
    const types = fc.constantFrom(0x8100, 0x88a8, 0x8100, 0x86dd, 0x1234, 0x40)
    const frame = fc
      .tuple(
        fc.uint8Array({ minLength: 90, maxLength: 90 }),
        fc.array(types, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
      )
      .map(([bytes, list, novell]) => {
        const view = new DataView(bytes.buffer)
        if (novell) bytes.fill(0xff, 18)
        list.forEach((type, n) => void view.setUint16(12 + 4 * n, type))
        return bytes
      })
    const steps = fc.array(
      fc.oneof(
        step('bpf_skb_vlan_push', fc.constantFrom(0x0081, 0xa888, 0x0008, 0), fc.nat(0x1ffff)),
        step('bpf_skb_vlan_push', fc.constantFrom(0x0081, 0xa888), fc.nat(0xffff)),
        step('bpf_skb_vlan_pop'),
        step('bpf_skb_load_bytes', fc.nat(80), buffer, fc.constantFrom(1, 8, 16)),
      ),
      { maxLength: 9 },
    )
    fc.assert(
      fc.property(frame, steps, (bytes, list) => {
        const theirs = stepsThere(kernel, 'sched_cls', bytes, list, 0)
        const { context, read, release } = createSkb(world, bytes)
        world.arena.view.setUint16(context + skb.SKB_PROTOCOL, new DataView(bytes.buffer).getUint16(12))
        if (new DataView(bytes.buffer).getUint16(12) < 1536)
          world.arena.view.setUint16(
            context + skb.SKB_PROTOCOL,
            new DataView(bytes.buffer).getUint16(14) === 0xffff ? 1 : 4,
          )
        const ours = stepsHere(world, context, list, read)
        release()
        expect(ours).toEqual(theirs)
      }),
      { numRuns: RUNS },
    )
  })
})
