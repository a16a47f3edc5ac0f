import { attachTc, type TcAttachOptions } from '@skep/hook-tc'
import { kernel, networkInterface, openPacketSocket } from '@skep/linux'
import { buildPacket, createDevicePair, type PacketDevice } from '@skep/packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces, noNamespaces } from '../../../../vitest.namespaces.ts'
import { codec, createRuntime, type MapSpec, type ProgramSpec, type Runtime } from '../../src/index.ts'
import { send, spec, withMap } from '../hostile-tools.ts'
import { missing } from '../kfunc-calls.ts'

// What stays with a packet from one tc hook to the next, here and on a veth of the kernel.

/** Words of __sk_buff that the second program reads, with their names. */
const words: readonly (readonly [name: string, offset: number])[] = [
  ['len', 0],
  ['pkt_type', 4],
  ['mark', 8],
  ['queue_mapping', 12],
  ['protocol', 16],
  ['vlan_present', 20],
  ['priority', 32],
  ['tc_index', 44],
  ['cb[0]', 48],
  ['cb[4]', 64],
  ['wire_len', 160],
]
const tc = { type: 'sched_cls', section: 'tc' }
/** Sets what may be set, and sends to the ifindex in `to`, with the flags there. */
const first: ProgramSpec = withMap(
  `
  r6 = r1
  r1 = 7
  *(u32 *)(r6 + 8) = r1
  r1 = 9
  *(u32 *)(r6 + 32) = r1
  r1 = 3
  *(u32 *)(r6 + 12) = r1
  r1 = 0x55
  *(u32 *)(r6 + 48) = r1
  *(u32 *)(r6 + 64) = r1
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = 0 ll
  call 1
  if r0 == 0 goto +4
  r1 = *(u32 *)(r0 + 0)
  r2 = *(u32 *)(r0 + 4)
  call 23
  exit
  r0 = 2
  exit`,
  13,
  'to',
  { ...tc, name: 'first' },
)
const second: ProgramSpec = withMap(
  `
  r6 = r1
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = 0 ll
  call 1
  if r0 == 0 goto +${2 * words.length + 2}
  ${words.map(([, offset], n) => `r1 = *(u32 *)(r6 + ${offset})\n*(u32 *)(r0 + ${4 * n}) = r1`).join('\n')}
  r1 = 1
  *(u32 *)(r0 + ${4 * words.length}) = r1
  r0 = 2
  exit`,
  4,
  'seen',
  { ...tc, name: 'second' },
)
const maps: readonly MapSpec[] = [
  { name: 'to', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 },
  { name: 'seen', type: 'array', keySize: 4, valueSize: 4 * words.length + 4, maxEntries: 1 },
]
const packet = buildPacket([
  { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
  { layer: 'ipv4', src: '10.9.0.1', dst: '10.9.0.2' },
  { layer: 'udp', srcPort: 5000, dstPort: 53 },
  { layer: 'payload', data: new Uint8Array(30) },
])

describe.skipIf(missing || noNamespaces !== undefined)('a redirected packet', () => {
  let spaces: Namespaces
  let ours: Runtime
  let theirs: Runtime
  beforeAll(async () => {
    spaces = makeNamespaces('carried')
    // Devices here have no addresses of their own: whatever is for one host is for this one.
    spaces.ip(
      'carried',
      'link add v0 type veth peer name v1',
      'link add w0 type veth peer name w1',
      'link set v0 address 02:00:00:00:00:01 up',
      'link set v1 address 02:00:00:00:00:02 up',
      'link set w0 address 02:00:00:00:00:02 up',
      'link set w1 up',
    )
    ;[ours, theirs] = [await createRuntime(), await createRuntime({ engine: kernel() })]
  })
  afterAll(() => {
    ours.close()
    theirs.close()
    spaces[Symbol.dispose]()
  })

  /** What the second program sees of the packet, by name. */
  async function seen(
    runtime: Runtime,
    sender: PacketDevice,
    [near, other]: readonly [PacketDevice, PacketDevice],
    direction: 'ingress' | 'egress',
    more: Partial<TcAttachOptions> = {},
  ): Promise<object> {
    using loaded = await runtime.load(spec([first, second], maps))
    const value = Uint32Array.of(other.ifindex, direction === 'ingress' ? 1 : 0)
    loaded.map('to').update(new Uint8Array(4), new Uint8Array(value.buffer))
    using _ = attachTc(loaded.program('second', 'sched_cls'), other, { direction, directAction: true })
    using link = attachTc(loaded.program('first', 'sched_cls'), near, {
      direction: 'ingress',
      directAction: true,
      ...more,
    })
    await send(sender, packet)
    const result = loaded.map('seen', { key: codec.u32, value: codec.bytes(4 * words.length + 4) })
    let at = new Uint32Array(words.length + 1)
    for (let n = 0; n < 200 && at[words.length] === 0; n++) {
      await new Promise((resume) => setTimeout(resume, 5))
      at = new Uint32Array(result.get(0)!.slice().buffer)
    }
    expect(link.closed).toBe(false)
    return Object.fromEntries([...words, ['arrived'] as const].map(([name], n) => [name, at[n]]))
  }

  it.each(['egress', 'ingress'] as const)('to the %s of another device', async (direction) => {
    const namespace = spaces.of('carried')
    await using sender = await openPacketSocket('v0', { namespace })
    const kernels = [
      await networkInterface('v1', { namespace }),
      await networkInterface('w0', { namespace }),
    ] as const
    const reference = await seen(theirs, sender, kernels, direction)
    const [near, far] = createDevicePair()
    const [other] = createDevicePair({ ends: [{ ifindex: 5 }, { ifindex: 6 }] })
    const here = await seen(ours, far, [near, other], direction, { redirect: new Map([[5, other]]) })
    expect(here).toEqual(reference)
    expect(here).toMatchObject({ arrived: 1, mark: 7 })
  })
})
