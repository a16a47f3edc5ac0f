import { attachTc, tcIngress } from '@skep/hook-tc'
import {
  attachXdp,
  BPF_F_XDP_HAS_FRAGS,
  createXskSocket,
  setXsk,
  type XdpAttachOptions,
} from '@skep/hook-xdp'
import { createCollector, createDevicePair, PacketBatch } from '@skep/packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRuntime, type ProgramSpec, type Runtime } from '../../src/index.ts'
import { engines, program, send, spec, thrownBy, withMap } from '../hostile-tools.ts'

// Packets of several fragments, metadata, and sockets for raw frames, on devices.

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => n * 7 + (n >> 8))
/** Writes the length between data and data_end, and that of the whole, into the packet. */
const measure = (name: string, flags: number, more = ''): ProgramSpec =>
  program(
    `
    r6 = r1
    ${more}
    r2 = *(u32 *)(r6 + 0)
    r7 = *(u32 *)(r6 + 4)
    r7 -= r2
    *(u32 *)(r10 - 8) = r7
    r1 = r6
    call 188
    *(u32 *)(r10 - 4) = r0
    r1 = r6
    r2 = 0
    r3 = r10
    r3 += -8
    r4 = 8
    call 190
    r0 = 2
    exit`,
    { name, flags },
  )
/** Copies 4 bytes from where the second fragment begins to the packet's 9th byte. */
const COPY = `
    r1 = r6
    r2 = 7614
    r3 = r10
    r3 += -8
    r4 = 4
    call 189
    r1 = r6
    r2 = 8
    r3 = r10
    r3 += -8
    r4 = 4
    call 190`
const adjust = (helper: number, delta: number): string => `r1 = r6\nr2 = ${delta}\ncall ${helper}`

describe.each(engines)('frames on %s', (engine) => {
  let runtime: Runtime
  const heard: string[] = []
  beforeEach(async () => {
    heard.length = 0
    runtime = await createRuntime({ engine })
    runtime.on('exception', (error) => heard.push((error as Error).message))
  })
  afterEach(() => runtime.close())

  async function pass(
    programs: readonly ProgramSpec[],
    packets: readonly Uint8Array[],
    options: XdpAttachOptions = {},
  ): Promise<Uint8Array[]> {
    const loaded = await runtime.load(spec(programs))
    const [near, far] = createDevicePair({ ends: [{ mtu: 20_000 }, { mtu: 20_000 }] })
    const passed = createCollector()
    const link = attachXdp(loaded.program(programs[0]!.name, 'xdp'), near, { pass: passed, ...options })
    await send(far, ...packets)
    await far.close()
    await link.done
    loaded.close()
    return passed.packets.map(({ data }) => data)
  }
  const words = (packet: Uint8Array): number[] => [...new Uint32Array(packet.slice(0, 8).buffer)]

  it('a program for fragments sees the first page, others all in one piece', async () => {
    const packets = [bytes(60), bytes(9000), bytes(3520), bytes(3521)]
    const frags = await pass([measure('p', BPF_F_XDP_HAS_FRAGS)], packets)
    expect(frags.map(words)).toEqual([
      [60, 60],
      [3520, 9000],
      [3520, 3520],
      [3520, 3521],
    ])
    expect(frags.map((p) => p.slice(8))).toEqual(packets.map((p) => p.slice(8)))
    const { used } = runtime.arena
    expect((await pass([measure('p', 0)], packets)).map(words)[1]).toEqual([9000, 9000])
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(runtime.arena.used).toBe(used)
  })

  it('reads and writes over borders, grows in the last page, shrinks to the first', async () => {
    const [read] = await pass([measure('p', BPF_F_XDP_HAS_FRAGS, COPY)], [bytes(9000)])
    expect(read!.slice(8, 12)).toEqual(bytes(9000).slice(7614, 7618))
    const grown = await pass(
      [measure('p', BPF_F_XDP_HAS_FRAGS, adjust(65, 2000))],
      [bytes(5000), bytes(7000)],
    )
    expect(grown.map(words)).toEqual([
      [3520, 7000],
      [3520, 7000],
    ])
    expect(grown[0]!.subarray(5000).every((byte) => byte === 0)).toBe(true)
    expect(grown[1]!.slice(8)).toEqual(bytes(7000).slice(8))
    const [shrunk] = await pass([measure('p', BPF_F_XDP_HAS_FRAGS, adjust(65, -8000))], [bytes(9000)])
    expect([words(shrunk!), shrunk!.length]).toEqual([[1000, 1000], 1000])
  })

  it('all programs of a device must be for fragments', async () => {
    const loaded = await runtime.load(
      spec([measure('p', BPF_F_XDP_HAS_FRAGS), program('r0 = 2\nexit', { name: 'q' })]),
    )
    const [near, far] = createDevicePair({ ends: [{ mtu: 20_000 }, { mtu: 20_000 }] })
    const passed = createCollector()
    const first = attachXdp(loaded.program('p', 'xdp'), near, { pass: passed, priority: 1 })
    attachXdp(loaded.program('q', 'xdp'), near, { priority: 2 })
    await send(far, bytes(9000))
    await far.close()
    await first.done
    expect(words(passed.packets[0]!.data)).toEqual([9000, 9000])
  })

  it('metadata goes on to tc, which stands behind XDP in whatever order they came', async () => {
    const mark = program(
      `
      r6 = r1
      r2 = -8
      call 54
      r2 = *(u32 *)(r6 + 8)
      r3 = *(u32 *)(r6 + 0)
      r1 = r2
      r1 += 8
      r0 = 1
      if r1 > r3 goto +2
      *(u32 *)(r2 + 4) = 0x5eed
      r0 = 2
      exit`,
      { name: 'mark' },
    )
    /** The class is how much metadata there is, and its last word the packet's mark. */
    const look = program(
      `
      r2 = *(u32 *)(r1 + 140)
      r3 = *(u32 *)(r1 + 76)
      r0 = -1
      r4 = r3
      r4 -= r2
      r5 = r2
      r5 += 8
      if r5 > r3 goto +3
      r0 = *(u32 *)(r2 + 4)
      r0 += r4
      exit
      r0 = 0
      exit`,
      { name: 'look', type: 'sched_cls', section: 'tc' },
    )
    const loaded = await runtime.load(spec([mark, look]))
    const [xdp, tc] = [loaded.program('mark', 'xdp'), loaded.program('look', 'sched_cls')]
    const seen: number[] = []
    const stack = createCollector()
    const options = {
      direction: 'ingress',
      onBatch: (batch: { classid(n: number): number }) => void seen.push(batch.classid(0)),
    } as const
    const [near, far] = createDevicePair()
    const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
    const receive = async (): Promise<void> => {
      await send(far, bytes(60))
      await later()
    }
    // tc first, then XDP in front of it; alone again; and again.
    const filter = attachTc(tc, near, { ...options, pass: stack })
    await receive()
    const first = attachXdp(xdp, near)
    await receive()
    first.close()
    await receive()
    const second = attachXdp(xdp, near, { pass: stack })
    await receive()
    filter.close()
    await receive()
    expect([seen, stack.packets.length]).toEqual([[0, 0x5eed + 8, 0, 0x5eed + 8], 5])
    // XDP first, whose stack is tc's where that names none.
    const behind = attachTc(tc, near, options)
    await receive()
    expect([seen.splice(0).at(-1), stack.packets.length]).toEqual([0x5eed + 8, 6])
    second.close()
    behind.close()
    // By hand.
    attachTc(tc, near, { ...options, receive: false })
    const third = attachXdp(xdp, near, { pass: tcIngress(near) })
    await receive()
    expect(seen).toEqual([0x5eed + 8])
    await far.close()
    await third.done
    expect(stack.packets[1]!.data).toEqual(bytes(60))
  })

  it('an xskmap leads to sockets of the queue', async () => {
    const go = withMap(
      `
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r4 = r2
      r4 += 14
      r0 = 1
      if r4 > r3 goto +5
      r2 = *(u8 *)(r2 + 0)
      r3 = 2
      r1 = 0 ll
      call 51
      exit`,
      8,
      'xsks',
      { name: 'go' },
    )
    const loaded = await runtime.load(
      spec([go], [{ name: 'xsks', type: 'xskmap', keySize: 4, valueSize: 4, maxEntries: 4 }]),
    )
    const map = loaded.map('xsks')
    const [near, far] = createDevicePair()
    const [other] = createDevicePair()
    const socket = createXskSocket(near, { queue: 1, ringSize: 2 })
    const wrong = createXskSocket(near, { queue: 0 })
    const foreign = createXskSocket(other, { queue: 1 })
    setXsk(map, 0, socket)
    setXsk(map, 1, wrong)
    setXsk(map, 2, foreign)
    const passed = createCollector()
    const link = attachXdp(loaded.program('go', 'xdp'), near, { pass: passed, rxQueue: 1 })
    const to = (key: number): Uint8Array => bytes(60).fill(key, 0, 1)
    await send(far, to(0), to(1), to(2), to(3))
    const batch = new PacketBatch()
    expect(await socket.receive(batch)).toBe(1)
    expect(batch.packet(0)).toEqual(to(0))
    // Without an element the flags are the verdict: XDP_PASS.
    expect(link.stats).toMatchObject({ redirected: 1, redirectFailed: 2, passed: 1 })
    // What nobody takes is dropped, and counted.
    await send(far, to(0), to(0), to(0))
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect([await socket.receive(batch), socket.stats.rxDropped, socket.stats.rxPackets]).toEqual([2, 1, 3])
    // Out of the device, past the programs.
    await socket.transmit(batch)
    expect(await far.receive(batch)).toBe(2)
    await socket.close()
    await send(far, to(0))
    await far.close()
    expect(await link.done).toMatchObject({ passed: 2, redirected: 4 })
    await expect(socket.transmit(batch)).rejects.toMatchObject({ code: 'CLOSED' })
    expect(thrownBy(() => setXsk(map, 0, near as never))).toMatchObject({ code: 'BAD_OPTION' })
    await Promise.all([wrong.close(), foreign.close()])
    expect(map.nextKey()).toBeDefined()
    expect(heard.length).toBe(2)
  })
})
