import fc from 'fast-check'
import { BUFFER, type Step } from './packets.ts'

// Random steps of helpers on packets, by what they are about: each family with the packets that it is for.

/** A program type, what its programs return, packets, and steps on them. */
export interface Family {
  readonly about: string
  readonly type: string
  readonly verdict: number
  readonly frame: fc.Arbitrary<Uint8Array>
  readonly steps: fc.Arbitrary<Step[]>
  /** Of the usual number of runs, since its packets are large. */
  readonly share?: number
}

const ETH_HLEN = 14

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

const seldom = (usual: number, ...others: number[]): fc.Arbitrary<number> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(...others))

/** Frames of IPv4, IPv6 and something else. */
const ipFrame = fc
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

/** More than a page, with bytes that tell their places. */
const jumbo = near(3520, 3700, 7616, 9000).map((length) =>
  Uint8Array.from({ length }, (_, n) => (n * 7 + (n >> 8)) & 0xff),
)

/** `around`: places of interest beside the packet's beginning. */
function xdp(...around: number[]): fc.Arbitrary<Step[]> {
  const delta = fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    near(-256, -216, 256, 3500, 3520, -3500, 65536, ...around.flatMap((n) => [n, -n])),
  )
  const offset = fc.oneof(fc.nat(130), near(65536, ...around))
  return fc.array(
    fc.oneof(
      step('bpf_xdp_adjust_head', delta),
      step('bpf_xdp_adjust_tail', delta),
      step('bpf_xdp_adjust_meta', fc.oneof(fc.constantFrom(-4, -8, -32, 4, 8), delta)),
      step('bpf_xdp_get_buff_len'),
      step('bpf_xdp_load_bytes', offset, buffer, size),
      step('bpf_xdp_store_bytes', offset, buffer, size),
    ),
    { maxLength: 8 },
  )
}

function loads(): fc.Arbitrary<Step[]> {
  const offset = fc.oneof(fc.nat(130), near(0xffff, 0x7fff_ffff))
  const word = fc.oneof(fc.constantFrom(0, 0xffff, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }))
  const l4 = fc.constantFrom(0, 2, 4, 3, 0x10, 0x12, 0x14, 0x20, 0x22, 0x24, 0x60, 0x62, 0x74, 0x90, 0x100)
  return fc.array(
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
}

function tagged(): Pick<Family, 'frame' | 'steps'> {
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
  return { frame, steps }
}

function room(): fc.Arbitrary<Step[]> {
  const difference = fc.oneof(
    fc.integer({ min: -80, max: 80 }),
    fc.constantFrom(4096, -4096, 4095, 20, -20, 40, 0),
  )
  const room = step('bpf_skb_adjust_room', difference, seldom(1, 0, 0, 2), flags)
  return fc.array(
    fc.oneof(
      room,
      room,
      step('bpf_skb_change_proto', fc.constantFrom(0x0008, 0xdd86, 0x0608), seldom(0, 1)),
      step('bpf_skb_load_bytes_relative', fc.nat(60), buffer, fc.constantFrom(4, 20), fc.constantFrom(0, 1)),
    ),
    { minLength: 1, maxLength: 5 },
  )
}

function state(): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.oneof(
      step('bpf_csum_level', fc.nat(4)),
      step('bpf_skb_set_tstamp', fc.constantFrom(0, 5, 1e15), fc.nat(3)),
      step('bpf_skb_ecn_set_ce'),
      step('bpf_skb_change_proto', fc.constantFrom(0x0008, 0xdd86), fc.constant(0)),
      step('bpf_set_hash', fc.integer({ min: 1, max: 0xffff_ffff })),
      step('bpf_skb_adjust_room', fc.constantFrom(8, -8), fc.constantFrom(0, 1), seldom(0, 0x20)),
    ),
    { minLength: 1, maxLength: 8 },
  )
}

function tunnels(): fc.Arbitrary<Step[]> {
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
  return fc
    .tuple(fc.boolean(), clear, set, get, fc.array(rest, { maxLength: 6 }))
    .map(([fresh, zeros, first, second, more]) => (fresh ? [] : [zeros, first, second]).concat(more))
}

const tc = { type: 'sched_cls', verdict: 0 }

export const families: readonly Family[] = [
  { about: 'XDP: head, meta, tail, loads and stores', type: 'xdp', verdict: 2, frame: packet, steps: xdp() },
  {
    about: 'XDP: packets of several fragments',
    type: 'xdp',
    verdict: 2,
    frame: jumbo,
    steps: xdp(3516, 7610, 4096, 1384),
    share: 0.25,
  },
  { about: 'tc: loads, stores, checksums and lengths', ...tc, frame: packet, steps: loads() },
  { about: 'tc: VLAN tags', ...tc, ...tagged() },
  { about: 'tc: room between headers, and protocols', ...tc, frame: ipFrame, steps: room() },
  {
    about: 'tc: checksum levels, time stamps and marks of congestion',
    ...tc,
    frame: ipFrame,
    steps: state(),
  },
  { about: 'tc: keys and options of tunnels', ...tc, frame: ipFrame, steps: tunnels() },
]
