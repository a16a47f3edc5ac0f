import { readFileSync } from 'node:fs'
import { createHelpersPlugin, helpersPlugin } from '@skep/helpers'
import {
  attachTc,
  forwardingHelpers,
  TC_ACT_OK,
  TC_ACT_SHOT,
  type TcAction,
  TcAttachError,
  type TcAttachOptions,
  type TcBatchView,
  tcEgress,
  tcIngress,
} from '@skep/hook-tc'
import { attachXdp } from '@skep/hook-xdp'
import { type ParseTcOptions, parseTc, type TcSpec } from '@skep/loader-tc'
import { createCollector, createDevicePair, DevicePump, PacketBatch, type PacketDevice } from '@skep/packet'
import { defaultPreset } from '@skep/runtime'
import { createRuntime, type Runtime } from '@skep/runtime/core'
import { createVerifier } from '@skep/verifier'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const tcObject = (name: string, platform: Runtime['platform'], options: ParseTcOptions = {}): TcSpec =>
  parseTc(readFileSync(new URL(`../../../packages/loader-tc/testdata/${name}.o`, import.meta.url)), {
    platform,
    ...options,
  })

/** A frame whose addresses begin with these bytes; `verdicts.o` reads what to do from them. */
function frame(bytes: readonly number[], more: readonly number[] = [], type = [0x88, 0xb5]): Uint8Array {
  const out = new Uint8Array(64)
  out.set(bytes)
  out.set([...more, ...type], 12 - 0)
  return out
}
const asks = (verdict: number, classid = 0): Uint8Array => frame([verdict, classid])
/** To the device `ifindex`; out of it, or into it. */
const to = (ifindex: number, ingress = 0): Uint8Array => frame([0, 0, 0, 0, 0, 0, ifindex, ingress])

const batchOf = (...packets: readonly Uint8Array[]): PacketBatch => {
  const batch = new PacketBatch()
  for (const packet of packets) batch.push(packet)
  return batch
}

const preset = defaultPreset.map((plugin) =>
  plugin === helpersPlugin ? createHelpersPlugin(forwardingHelpers) : plugin,
)

describe.each(['jit', 'interpreter'])('tc on %s', (engine) => {
  let runtime: Runtime
  const events: string[] = []
  beforeEach(async () => {
    events.length = 0
    runtime = await createRuntime({ plugins: preset, verifier: createVerifier, engine })
    runtime.on('printk', ({ text }) => events.push(text))
    runtime.on('exception', (error) => events.push(String((error as { message?: string }).message ?? error)))
  })
  afterEach(() => runtime.close())

  const load = async (name: string, section = 'classifier') => {
    const spec = tcObject(name, runtime.platform, { section })
    const collection = await runtime.load(spec)
    return { collection, program: collection.program(spec.entry, 'sched_cls') }
  }

  /** What one filter makes of packets that the device receives. */
  const receive = async (
    options: Omit<TcAttachOptions, 'direction'>,
    packets: readonly Uint8Array[],
    section = 'by_byte',
  ) => {
    const { program } = await load('verdicts', section)
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const seen: [number, number][] = []
    const link = attachTc(program, near, {
      pass: passed,
      ...options,
      direction: 'ingress',
      onBatch: (batch: TcBatchView) => {
        for (let i = 0; i < batch.count; i++) seen.push([batch.verdict(i), batch.classid(i)])
      },
    })
    await far.transmit(batchOf(...packets))
    await far.close()
    const totals = await link.done
    return { seen, passed: passed.packets.map((p) => p.data), totals, link }
  }

  it('direct action: verdicts as cls_bpf takes them', async () => {
    const asked = [0, 1, 2, 3, 4, 5, 6, 8, 9, 77]
    const { seen, totals, link } = await receive(
      { directAction: true, classid: 0x1_0000 },
      asked.map((v) => asks(v, v)),
    )
    // RECLASSIFY, PIPE, QUEUED, REPEAT and what is none go on to the next filter, of which there is none.
    expect(seen).toEqual(
      asked.map((v) => ([0, 2, 4, 8].includes(v) ? [v, v === 0 ? 0x1_0000 : 0x1_0000 | v] : [-1, 0])),
    )
    expect(totals).toMatchObject({ packets: 10, passed: 7, dropped: 1, stolen: 2 })
    expect(link.stats).toMatchObject({ packets: 10, bytes: 640, matched: 4 })
  })

  it('classes: 0 for no match, -1 for that of the filter', async () => {
    const { seen, totals } = await receive({ classid: 0x1_0010 }, [asks(0), asks(9), asks(2)])
    expect(seen).toEqual([
      [-1, 0],
      [TC_ACT_OK, 0x1_0010],
      [TC_ACT_OK, 2],
    ])
    expect(totals).toMatchObject({ passed: 3, dropped: 0 })
  })

  it('actions: one behind the other, to other chains, and copies', async () => {
    const drop: TcAction = { kind: 'gact', verdict: TC_ACT_SHOT }
    const copies = createCollector({ ifindex: 9 })
    const mirror = { kind: 'mirred', direction: 'egress', device: copies } as const
    const one = await receive({ actions: [{ ...mirror, action: 'mirror' }, drop] }, [asks(0), asks(5)])
    expect([one.seen, one.passed.length, copies.packets.length]).toEqual([
      [
        [-1, 0],
        [TC_ACT_SHOT, 5],
      ],
      1,
      1,
    ])
    const two = await receive({ actions: [{ ...mirror, action: 'redirect' }, drop] }, [asks(5)])
    expect([two.totals.stolen, copies.packets.length]).toEqual([1, 2])
    expect(copies.packets[1]!.data).toEqual(asks(5))
    // Without end: the kernel's bound on rounds drops it.
    const three = await receive({ actions: [{ kind: 'gact', verdict: 1 }] }, [asks(5)])
    expect(three.seen).toEqual([[TC_ACT_SHOT, 0]])
    expect(three.link.stats.packets).toBe(17)
    const { collection, program } = await load('verdicts', 'by_byte')
    const device = createDevicePair()[0]
    const seen: number[] = []
    const onBatch = (batch: TcBatchView): void => void seen.push(batch.verdict(0))
    const action = { kind: 'gact', verdict: -1, chain: 3 } as const
    attachTc(program, device, { direction: 'ingress', receive: false, onBatch, actions: [action] })
    await tcIngress(device).transmit(batchOf(asks(5)))
    attachTc(program, device, { direction: 'ingress', chain: 3, actions: [drop] })
    await tcIngress(device).transmit(batchOf(asks(5)))
    expect(seen).toEqual([-1, TC_ACT_SHOT])
    collection.close()
  })

  it('a program as an action', async () => {
    const spec = tcObject('verdicts', runtime.platform, { type: 'sched_act' })
    const program = (await runtime.load(spec)).program(spec.entry, 'sched_act')
    const drop: TcAction = { kind: 'gact', verdict: TC_ACT_SHOT }
    const passes = await receive({ actions: [{ kind: 'bpf', program, otherwise: 0 }, drop] }, [asks(5)])
    const drops = await receive({ actions: [{ kind: 'bpf', program }, drop] }, [asks(5)])
    expect([passes.totals.passed, drops.totals.dropped]).toEqual([1, 1])
  })

  it('asks filters by priority, the newest of one priority first, and by protocol', async () => {
    const { program } = await load('verdicts', 'by_byte')
    const device = createDevicePair()[0]
    const order: number[][] = []
    const attach = (options: Partial<TcAttachOptions>) =>
      attachTc(program, device, { direction: 'egress', ...options })
    const links = [
      attach({}),
      attach({}),
      attach({ priority: 7, protocol: 0x88b5 }),
      attach({ priority: 7, protocol: 0x88b5 }),
      attach({ priority: 3, protocol: 0x0800 }),
    ]
    expect(links.map((l) => [l.priority, l.handle])).toEqual([
      [0xc000, 1],
      [0xbfff, 1],
      [7, 1],
      [7, 2],
      [3, 1],
    ])
    await tcEgress(device).transmit(batchOf(asks(0), asks(1)))
    for (const link of links) order.push([link.stats.packets, link.stats.matched])
    // asks(0) goes to all but the one for IP; asks(1) ends at the newest of priority 7.
    expect(order).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [2, 1],
      [0, 0],
    ])
    expect(() => attach({ priority: 7, handle: 2, protocol: 0x88b5 })).toThrow(/Filter already exists/)
    const taker = attach({ priority: 7, handle: 2, protocol: 0x88b5, replace: true })
    expect([links[3]!.closed, taker.closed]).toEqual([true, false])
    links[3]!.close()
    await tcEgress(device).transmit(batchOf(asks(1)))
    expect(taker.stats.matched).toBe(1)
  })

  it('redirects out of devices and into them, with their filters', async () => {
    const { program } = await load('verdicts', 'to_device')
    const { program: verdict } = await load('verdicts', 'by_byte')
    const [near, far] = createDevicePair({ ends: [{ ifindex: 4 }, { ifindex: 5 }] })
    const [other, otherFar] = createDevicePair({ ends: [{ ifindex: 6 }, { ifindex: 7 }] })
    const [passed, stack] = [createCollector(), createCollector()]
    const redirect = new Map<number, PacketDevice>([[6, other]])
    const link = attachTc(program, near, { direction: 'ingress', directAction: true, pass: passed, redirect })
    await far.transmit(batchOf(to(6), to(6, 1), to(99), to(4)))
    const received = new PacketBatch()
    await otherFar.receive(received)
    expect(received.packet(0)).toEqual(to(6))
    await far.receive(received)
    expect(received.packet(0)).toEqual(to(4))
    expect(link.totals).toMatchObject({ redirected: 2, redirectFailed: 2 })
    expect(events).toEqual([
      expect.stringContaining('nothing is attached to the ingress of device veth0'),
      expect.stringContaining('knows no device 99'),
    ])
    const ingress = attachTc(verdict, other, { direction: 'ingress', directAction: true, pass: stack })
    const egress = attachTc(verdict, other, { direction: 'egress', directAction: true })
    const dropped = frame([2, 0, 0, 0, 0, 0, 6, 0])
    await far.transmit(batchOf(to(6, 1), dropped, to(6)))
    await otherFar.receive(received)
    expect([received.count, stack.packets.length]).toEqual([1, 1])
    expect([ingress.totals.passed, egress.totals.dropped, egress.totals.passed]).toEqual([1, 1, 1])
    link.close()
    await link.done
  })

  it('ends a packet that goes round', async () => {
    const { program } = await load('verdicts', 'to_device')
    const device = createDevicePair()[0]
    const link = attachTc(program, device, { direction: 'egress', directAction: true })
    await tcEgress(device).transmit(batchOf(to(1)))
    expect(link.totals).toMatchObject({ packets: 8, redirected: 7, redirectFailed: 1 })
    expect(events.at(-1)).toMatch(/went through 8 hooks/)
  })

  it('bpf_clone_redirect copies to devices, where the runtime has it', async () => {
    const { program } = await load('verdicts', 'copies')
    const device = createDevicePair()[0]
    const [copies, passed] = [createCollector({ ifindex: 6 }), createCollector()]
    const redirect = new Map([[6, copies]])
    const link = attachTc(program, device, {
      direction: 'ingress',
      directAction: true,
      receive: false,
      pass: passed,
      redirect,
    })
    await tcIngress(device).transmit(batchOf(to(6), to(8), to(6)))
    expect([copies.packets.length, passed.packets.length]).toEqual([2, 2])
    expect(link.totals).toMatchObject({ cloned: 2, dropped: 1, passed: 2 })
    expect(copies.packets[0]!.data).toEqual(to(6))
  })

  it('a VLAN tag is beside a packet that is received, and in it when it leaves', async () => {
    const tagged = frame([0, 0, 0, 0, 0, 0, 6], [0x81, 0, 0x20, 5])
    const { program } = await load('verdicts', 'to_device')
    const device = createDevicePair()[0]
    const out = createCollector({ ifindex: 6 })
    const sizes: number[] = []
    attachTc(program, device, {
      direction: 'ingress',
      directAction: true,
      receive: false,
      redirect: new Map([[6, out]]),
      onBatch: (batch) => void sizes.push(batch.packet(0).length),
    })
    await tcIngress(device).transmit(batchOf(tagged))
    expect([sizes, out.packets[0]!.data]).toEqual([[60], tagged])
  })

  it('a chain of tail calls runs 33 times and stops', async () => {
    const { program } = await load('cyclic')
    const device = createDevicePair()[0]
    const seen: number[] = []
    const link = attachTc(program, device, {
      direction: 'egress',
      directAction: true,
      onBatch: (batch) => void seen.push(batch.verdict(0), batch.classid(0)),
    })
    await tcEgress(device).transmit(batchOf(asks(0)))
    expect(events).toEqual(Array.from({ length: 33 }, (_, n) => `round ${n + 1}`))
    expect(seen).toEqual([TC_ACT_OK, 0x42])
    link.close()
  })

  it('a batch larger than the ring, packets that are too long, hosts that throw', async () => {
    const { program } = await load('verdicts', 'by_byte')
    const device = createDevicePair()[0]
    const out = createCollector()
    attachTc(program, device, {
      direction: 'ingress',
      receive: false,
      batchSize: 4,
      directAction: true,
      pass: out,
      onBatch: () => {
        throw new Error('not today')
      },
    })
    await tcIngress(device).transmit(batchOf(...Array.from({ length: 50 }, (_, n) => asks(0, n))))
    expect(out.packets.map((p) => p.data[1])).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(events.length).toBe(13)
    const long = new PacketBatch()
    long.push(new Uint8Array(600_000))
    await expect(tcIngress(device).transmit(long)).rejects.toThrow(TcAttachError)
  })

  it('takes what XDP passes, and refuses to receive beside who has no place for it', async () => {
    const { program } = await load('verdicts', 'by_byte')
    const xdp = tcObject('sizes_9', runtime.platform, { type: 'xdp' })
    const collection = await runtime.load(xdp)
    const front = collection.program(xdp.entry, 'xdp')
    const [near, far] = createDevicePair()
    const link = attachXdp(front, near, { pass: tcIngress(near) })
    // It stands behind XDP, which need not know.
    const tc = attachTc(program, near, { direction: 'ingress' })
    await far.transmit(batchOf(asks(0)))
    await far.close()
    await link.done
    expect(await tc.done).toMatchObject({ packets: link.stats.passed })
    tc.close()
    const other = createDevicePair()[0]
    const ring = { batch: new PacketBatch(), refresh: () => {}, free: () => {} }
    const pump = new DevicePump(other, { ring, process: async () => {}, tooLong: () => new Error() })
    expect(() => attachTc(program, other, { direction: 'ingress' })).toThrow(/another hook receives/)
    expect(() => attachXdp(front, other)).toThrow(/another hook receives/)
    pump.stop()
    attachTc(program, other, { direction: 'ingress' }).close()
  })

  it('10,000 times attached and detached: nothing is left', async () => {
    const { collection, program } = await load('verdicts', 'by_byte')
    const [near, far] = createDevicePair()
    const before = runtime.arena.count
    for (let n = 0; n < 10_000; n++) {
      const link = attachTc(program, near, { direction: n % 2 === 0 ? 'egress' : 'ingress', receive: false })
      link.close()
    }
    expect(runtime.arena.count).toBe(before)
    for (let n = 0; n < 100; n++) {
      const link = attachTc(program, near, { direction: 'ingress', directAction: true })
      await far.transmit(batchOf(asks(0)))
      if (n % 2) await new Promise((resume) => setTimeout(resume, 0))
      link.close()
      await link.done
    }
    const last = attachTc(program, near, { direction: 'ingress', directAction: true })
    await far.close()
    await last.done
    last.close()
    expect(runtime.arena.count).toBe(before)
    collection.close()
  })

  it('changes programs while packets come; ends with its collection', async () => {
    const { program, collection } = await load('verdicts', 'by_byte')
    const { program: next, collection: other } = await load('graft', 'red')
    const device = createDevicePair()[0]
    const seen: number[] = []
    const onBatch = (batch: TcBatchView): void => void seen.push(batch.classid(0))
    const link = attachTc(program, device, { direction: 'egress', onBatch })
    await tcEgress(device).transmit(batchOf(asks(5)))
    link.update(next)
    collection.close()
    expect(link.closed).toBe(false)
    await tcEgress(device).transmit(batchOf(asks(5)))
    expect(seen).toEqual([5, 0x1_0010])
    other.close()
    expect(link.closed).toBe(true)
    expect(() => link.update(next)).toThrow(/closed/)
    await link.done
  })

  it('refuses what cannot be attached', async () => {
    const { program } = await load('verdicts', 'by_byte')
    const [device] = createDevicePair()
    const code = (act: () => unknown): string => {
      try {
        act()
      } catch (error) {
        return (error as TcAttachError).code
      }
      return 'none'
    }
    const ingress = { direction: 'ingress' } as const
    expect([
      code(() => attachTc(Promise.resolve(program) as never, device, ingress)),
      code(() => attachTc(program, {} as never, ingress)),
      code(() => attachTc(program, device, {} as never)),
      code(() => attachTc(program, device, { ...ingress, priority: 0 })),
      code(() => attachTc(program, device, { ...ingress, batchSize: 0 })),
      code(() =>
        attachTc(program, device, {
          ...ingress,
          directAction: true,
          actions: [{ kind: 'gact', verdict: 2 }],
        }),
      ),
    ]).toEqual(['BAD_PROGRAM', 'BAD_DEVICE', 'BAD_OPTION', 'BAD_OPTION', 'BAD_OPTION', 'BAD_OPTION'])
    const second = await createRuntime({ plugins: preset, verifier: createVerifier, engine })
    const spec = tcObject('verdicts', second.platform, { section: 'by_byte' })
    const foreign = (await second.load(spec)).program(spec.entry, 'sched_cls')
    attachTc(program, device, { direction: 'egress' })
    expect(code(() => attachTc(foreign, device, { direction: 'egress' }))).toBe('FOREIGN')
    second.close()
  })
})
