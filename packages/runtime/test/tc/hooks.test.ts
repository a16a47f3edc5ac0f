import {
  attachTc,
  attachTcx,
  type Neighbour,
  TC_ACT_REPEAT,
  type TcAction,
  type TcAttachOptions,
  type TcProgram,
  tcEgress,
  tcIngress,
} from '@skep/hook-tc'
import { buildPacket, createCollector, createDevicePair, PacketBatch, type PacketDevice } from '@skep/packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Collection, createRuntime, type ProgramSpec, type Runtime } from '../../src/index.ts'
import { engines, program, spec, thrownBy } from '../hostile-tools.ts'

// tcx before filters, rates, peers and neighbours, and hosts that fail, on devices in memory.

const tc = (name: string, text: string): ProgramSpec =>
  program(text, { name, type: 'sched_cls', section: 'tc' })
/** Notes that it was asked, in cb[0], and returns a verdict. */
const asked = (name: string, mark: number, verdict: number): ProgramSpec =>
  tc(
    name,
    `
    r2 = *(u32 *)(r1 + 48)
    r2 <<= 4
    r2 |= ${mark}
    *(u32 *)(r1 + 48) = r2
    r0 = ${verdict}
    exit`,
  )
const redirect = (name: string, helper: number, args: string): ProgramSpec =>
  tc(name, `${args}\ncall ${helper}\nexit`)
const frame = (): Uint8Array =>
  buildPacket([
    { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
    { layer: 'ipv4', src: '192.0.2.1', dst: '192.0.2.7' },
    { layer: 'udp', srcPort: 1, dstPort: 2 },
  ])
const batchOf = (...packets: readonly Uint8Array[]): PacketBatch => {
  const batch = new PacketBatch()
  for (const packet of packets) batch.push(packet)
  return batch
}
const TIMES = process.env['SKEP_LONG'] ? 100_000 : 500

describe.each(engines)('tc on %s', (engine) => {
  let runtime: Runtime
  let loaded: Collection
  const heard: string[] = []
  beforeEach(async () => {
    heard.length = 0
    runtime = await createRuntime({ engine })
    runtime.on('exception', (error) => heard.push((error as Error).message))
    loaded = await runtime.load(
      spec([
        asked('next', 1, -1),
        asked('again', 2, -1),
        asked('pass', 3, 0),
        asked('odd', 4, 1),
        program('r0 = 2\nexit', { name: 'front' }),
        /** The class is what was noted before. */
        tc('read', 'r0 = *(u32 *)(r1 + 48)\nif r0 != 0 goto +1\nr0 = -1\nexit'),
        redirect('peer', 155, 'r1 = 5\nr2 = 0'),
        redirect('neighbour', 152, 'r1 = 5\nr2 = 0\nr3 = 0\nr4 = 0'),
        redirect(
          'hop',
          152,
          `*(u64 *)(r10 - 8) = 0
           *(u64 *)(r10 - 16) = 0
           *(u64 *)(r10 - 24) = 0
           r2 = 2
           *(u32 *)(r10 - 24) = r2
           r2 = 0x010200c0
           *(u32 *)(r10 - 20) = r2
           r1 = 5
           r2 = r10
           r2 += -24
           r3 = 20
           r4 = 0`,
        ),
      ]),
    )
  })
  afterEach(() => runtime.close())
  const p = (name: string): TcProgram => loaded.program(name, 'sched_cls')

  it('tcx goes before filters, and cb goes on from one to the next', async () => {
    const [device] = createDevicePair()
    const classes: number[] = []
    const verdicts: number[] = []
    const egress = { direction: 'egress' } as const
    const filter = attachTc(p('read'), device, {
      ...egress,
      onBatch: (batch) => {
        classes.push(batch.classid(0))
        verdicts.push(batch.verdict(0))
      },
    })
    const run = () => tcEgress(device).transmit(batchOf(frame()))
    const again = attachTcx(p('again'), device, egress)
    const next = attachTcx(p('next'), device, { ...egress, before: again })
    await run()
    // What is no verdict of tcx ends its list, and goes on to the filters.
    const odd = attachTcx(p('odd'), device, { ...egress, after: next })
    await run()
    const first = attachTcx(p('pass'), device, { ...egress, before: 'first', expectedRevision: odd.revision })
    await run()
    expect([classes, verdicts]).toEqual([
      [0x12, 0x14, 0],
      [0, 0, 0],
    ])
    expect([first.stats, odd.stats.packets, again.stats.packets, filter.stats.packets]).toEqual([
      { packets: 1, bytes: 42, matched: 1 },
      1,
      1,
      2,
    ])
    expect(thrownBy(() => attachTcx(p('pass'), device, egress))).toMatchObject({ errno: 'EEXIST' })
    expect(thrownBy(() => next.update(p('read'), { expected: p('pass') }))).toMatchObject({ errno: 'EPERM' })
    for (const link of [filter, again, next, odd, first]) link.close()
    expect(thrownBy(() => first.update(p('pass')))).toMatchObject({ errno: 'ENOLINK' })
  })

  it('police lets a rate go on; an action may ask to be repeated so often', async () => {
    const [device] = createDevicePair()
    const out = createCollector({ ifindex: 9 })
    const seen: number[] = []
    const options = (actions: readonly TcAction[]): TcAttachOptions => ({
      direction: 'ingress',
      receive: false,
      pass: out,
      actions,
      onBatch: (batch) => {
        for (let n = 0; n < batch.count; n++) seen.push(batch.verdict(n))
      },
    })
    // 42 bytes each; at 1 byte a second nothing comes back within the test.
    const police = { kind: 'police', rate: 1, burst: 100 } as const
    const limited = attachTc(p('next'), device, options([police]))
    await tcIngress(device).transmit(batchOf(frame(), frame(), frame()))
    expect([seen.splice(0), out.packets.length]).toEqual([[0, 0, 2], 2])
    limited.close()
    const fast = { kind: 'police', rate: 1e9, burst: 100, mtu: 60, exceed: 4 } as const
    attachTc(p('next'), device, options([fast]))
    await tcIngress(device).transmit(batchOf(frame(), new Uint8Array(61)))
    expect(seen.splice(0)).toEqual([0, 4])
    const repeat = { kind: 'gact', verdict: TC_ACT_REPEAT } as const
    attachTc(p('next'), device, options([repeat]))
    await tcIngress(device).transmit(batchOf(frame()))
    expect(seen).toEqual([0])
    const wrong = { kind: 'police', rate: 0, burst: 1 } as const
    expect(thrownBy(() => attachTc(p('next'), device, options([wrong])))).toMatchObject({
      code: 'BAD_OPTION',
    })
  })

  it('redirects to the ingress of a peer, and to a neighbour', async () => {
    const [device] = createDevicePair()
    const [peer] = createDevicePair()
    const out = createCollector({ ifindex: 5 })
    const stack = createCollector()
    const asks: unknown[] = []
    const neighbour: Neighbour = (query) => {
      asks.push([query.ifindex, query.family, query.address.join('.')])
      return query.address[3] === 9
        ? undefined
        : { source: new Uint8Array(6).fill(0x11), destination: new Uint8Array(6).fill(0x22) }
    }
    attachTc(p('next'), peer, { direction: 'ingress', receive: false, pass: stack })
    const attach = (name: string, more: Partial<TcAttachOptions> = {}) =>
      attachTc(p(name), device, {
        direction: 'ingress',
        directAction: true,
        receive: false,
        redirect: new Map([[5, out]]),
        ...more,
      })
    const alone = attach('peer')
    const run = () => tcIngress(device).transmit(batchOf(frame()))
    await run()
    const linked = attach('peer', { peers: new Map([[5, peer]]) })
    await run()
    alone.close()
    linked.close()
    expect([stack.packets.length, stack.packets[0]!.data]).toEqual([1, frame()])
    attach('neighbour').close()
    const to = attach('neighbour', { neighbour })
    await run()
    to.close()
    attach('hop', { neighbour })
    await run()
    expect(asks).toEqual([
      [5, 'ipv4', '192.0.2.7'],
      [5, 'ipv4', '192.0.2.1'],
    ])
    const expected = frame().fill(0x22, 0, 6).fill(0x11, 6, 12)
    expect(out.packets.map(({ data }) => data)).toEqual([expected, expected])
    expect(heard).toEqual([expect.stringContaining('has no peer in another name space')])
  })

  it('a device that does not take packets: the others get theirs', async () => {
    const [device, far] = createDevicePair()
    const broken: PacketDevice = {
      ...createCollector(),
      transmit: () => Promise.reject(new Error('no carrier')),
    }
    const copies = createCollector({ ifindex: 9 })
    const mirror = (to: PacketDevice): TcAction => ({
      kind: 'mirred',
      action: 'mirror',
      direction: 'egress',
      device: to,
    })
    const actions = [mirror(broken), mirror(copies)]
    const link = attachTc(p('next'), device, { direction: 'ingress', actions })
    await far.transmit(batchOf(frame(), frame()))
    await expect(link.done).rejects.toThrow('no carrier')
    expect([copies.packets.length, heard]).toEqual([2, ['no carrier']])
    await expect(tcIngress(device).transmit(batchOf(frame()))).rejects.toThrow('no carrier')
    expect(copies.packets.length).toBe(3)
  })

  it(`attaches and detaches ${TIMES} times: nothing is left`, async () => {
    const [near, far] = createDevicePair()
    const { count } = runtime.arena
    const stays = attachTc(p('next'), near, { direction: 'ingress' })
    for (let n = 0; n < TIMES; n++) {
      const direction = n % 2 ? 'ingress' : 'egress'
      const link =
        n % 3 ? attachTcx(p('pass'), near, { direction }) : attachTc(p('pass'), near, { direction })
      link.update(p('again'))
      link.close()
    }
    await far.close()
    expect(await stays.done).toMatchObject({ packets: 0 })
    stays.close()
    await new Promise((resume) => setTimeout(resume, 0))
    expect(runtime.arena.count).toBe(count)
  }, 600_000)

  it('takes no program of another type', () => {
    const [device] = createDevicePair()
    const options = { direction: 'ingress' } as const
    // @ts-expect-error: an XDP program is no classifier.
    const front: TcProgram = loaded.program('front', 'xdp')
    for (const attach of [attachTc, attachTcx])
      expect(thrownBy(() => attach(front, device, options))).toMatchObject({
        code: 'WRONG_PROGRAM_TYPE',
        errno: 'EINVAL',
      })
  })
})
