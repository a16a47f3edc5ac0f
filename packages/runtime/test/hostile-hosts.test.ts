import { attachXdp, type XdpLink } from '@skep/hook-xdp'
import { createCollector, createDevicePair, createPcapSource } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import {
  type Collection,
  codec,
  createRuntime,
  defineMapType,
  definePlugin,
  type MapSpec,
  ProgramFault,
  type Runtime,
  type RuntimeError,
  type RuntimeOptions,
} from '../src/index.ts'
import {
  calling,
  counted,
  engines,
  file,
  hook,
  object,
  packet,
  program,
  send,
  spec,
  thrownBy,
  withMap,
} from './hostile-tools.ts'

describe.each(engines)('a helper in JS on %s', (engine) => {
  const boom = new RangeError('boom\nin two lines')
  const start = async (call: (n: number) => number, more: RuntimeOptions = {}) => {
    const runtime = await createRuntime({ engine, plugins: [hook(call)], ...more })
    const faults: Error[] = []
    runtime.on('exception', (fault) => faults.push(fault))
    return { runtime, faults, collection: await runtime.load(calling) }
  }

  it('ends the run with its error, and leaves the runtime as it was', async () => {
    const { runtime, collection } = await start((n) => {
      if (n === 7) throw boom
      return 2
    })
    const p = collection.program('p', 'xdp')
    const bad = packet.slice()
    bad[0] = 7
    p.testRun({ data: packet })
    const { used } = runtime.arena
    for (let i = 0; i < 500; i++) {
      const fault = thrownBy(() => p.testRun({ data: bad })) as ProgramFault
      expect(fault).toBeInstanceOf(ProgramFault)
      expect(fault).toMatchObject({ code: 'THREW', program: 'p', cause: boom })
      expect(fault.message).toBe('p: acme_hook threw: boom in two lines')
    }
    expect(p.testRun({ data: packet }).retval).toBe(2)
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('ends one run of a batch only: the others run once each', async () => {
    const { runtime, faults, collection } = await start((n) => {
      if (n % 3 === 2) throw boom
      return 2
    })
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const link = attachXdp(collection.program('p', 'xdp'), near, { pass: passed })
    await send(far, ...Array.from({ length: 10 }, (_, n) => new Uint8Array(60).fill(n, 0, 1)))
    await far.close()
    expect(await link.done).toMatchObject({ packets: 10, passed: 7, aborted: 3 })
    expect(passed.packets.map((p) => p.data[0])).toEqual([0, 1, 3, 4, 6, 7, 9])
    expect(faults.filter((f) => f instanceof ProgramFault && f.code === 'THREW').length).toBe(3)
    expect(counted(collection)).toBe(10n)
    runtime.close()
  })

  it('may run another program: the caller goes on where it was', async () => {
    let inner: Collection
    const { runtime, collection } = await start((n) =>
      n === 0 ? inner.program().testRun({ data: packet }).retval : 2,
    )
    inner = await runtime.load(
      spec([program('r0 = *(u32 *)(r1 + 4)\nr1 = *(u32 *)(r1 + 0)\nr0 -= r1\nexit')]),
    )
    expect(collection.program().testRun({ data: packet }).retval).toBe(64)
    const cut = await runtime.load(spec([program('r1 = 0\nr0 = 0\ncall 0x10001\nexit')]))
    inner = cut
    const fault = thrownBy(() => collection.program().testRun({ data: packet }))
    expect(fault).toBeInstanceOf(ProgramFault)
    inner = await runtime.load(spec([program('r0 = 3\nexit')]))
    expect(collection.program().testRun({ data: packet }).retval).toBe(3)
    runtime.close()
  })

  it('may close the collection that it runs for', async () => {
    let close = (): void => {}
    const { runtime, faults, collection } = await start((n) => {
      if (n === 1) close()
      return 2
    })
    const other = await runtime.load(calling)
    const { used } = runtime.arena
    const one = await runtime.load(calling)
    close = () => one.close()
    const [near, far] = createDevicePair()
    const link = attachXdp(one.program('p', 'xdp'), near)
    await send(far, ...[0, 1, 2].map((n) => new Uint8Array(60).fill(n, 0, 1)))
    expect(await link.done).toMatchObject({ packets: 3, passed: 3 })
    await far.close()
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(runtime.arena.used).toBe(used)
    expect(thrownBy(() => one.program().testRun({ data: packet }))).toMatchObject({ code: 'CLOSED' })
    expect(other.program().testRun({ data: packet }).retval).toBe(2)
    close = () => runtime.close()
    expect(collection.program().testRun({ data: new Uint8Array(60).fill(1) }).retval).toBe(2)
    expect(thrownBy(() => other.program().testRun({ data: packet }))).toMatchObject({ code: 'CLOSED' })
    expect(faults).toEqual([])
  })
})

describe.each(engines)('a map type in JS on %s', (engine) => {
  it('ends the run when it throws, and throws to a host that calls it', async () => {
    let broken = false
    const acme = defineMapType({
      name: 'acme',
      id: 0x1_0001,
      check: () => undefined,
      value: 'plain',
      create: (_env, map) => ({
        lookup: () => {
          if (broken) throw new Error('broken')
          return map.address + 128
        },
        update: () => 0,
      }),
    })
    const runtime = await createRuntime({
      engine,
      plugins: [definePlugin({ name: 'acme', mapTypes: [acme] })],
    })
    const text = `
      *(u32 *)(r10 - 4) = 3
      r1 = 0 ll
      r2 = r10
      r2 += -4
      call 1
      r0 = 1
      exit`
    const map: MapSpec = { name: 'm', type: 'acme', keySize: 4, valueSize: 4, maxEntries: 8 }
    const collection = await runtime.load(spec([withMap(text, 1, 'm')], [map]))
    const p = collection.program()
    expect(p.testRun({ data: packet }).retval).toBe(1)
    broken = true
    expect(thrownBy(() => p.testRun({ data: packet }))).toMatchObject({
      code: 'THREW',
      message: 'p: acme.lookup threw: broken',
    })
    expect(thrownBy(() => collection.map('m').lookup(new Uint8Array(4)))).toMatchObject({ message: 'broken' })
    broken = false
    expect(p.testRun({ data: packet }).retval).toBe(1)
    runtime.close()
  })
})

describe.each(engines)('listeners on %s', (engine) => {
  const printing = spec([
    program(`
      *(u64 *)(r10 - 8) = 0x6968
      r1 = r10
      r1 += -8
      r2 = 3
      call 6
      r0 = 2
      exit`),
  ])

  it('stop no run when they throw: the error becomes an exception event', async () => {
    const runtime = await createRuntime({ engine })
    const heard: Error[] = []
    runtime.on('exception', (error) => heard.push(error))
    for (const event of ['load', 'printk', 'attach', 'detach', 'close'] as const) {
      runtime.on(event, () => {
        throw new Error(`from ${event}`)
      })
    }
    const collection = await runtime.load(printing)
    const { used } = runtime.arena
    expect(collection.program().testRun({ data: packet }).retval).toBe(2)
    const [near, far] = createDevicePair()
    const link = attachXdp(collection.program('p', 'xdp'), near)
    await send(far, packet)
    await far.close()
    expect(await link.done).toMatchObject({ packets: 1, passed: 1 })
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(runtime.arena.used).toBe(used)
    runtime.close()
    expect(heard.map((e) => [(e as RuntimeError).code, (e as RuntimeError).subject])).toEqual(
      ['load', 'printk', 'attach', 'printk', 'detach', 'close'].map((event) => ['LISTENER', event]),
    )
    expect(heard[0]!.message).toBe('a listener of "load" threw: from load')
  })
})

describe('links', () => {
  it('end with their collection, and a closed collection attaches and runs nothing', async () => {
    const runtime = await createRuntime()
    const first = await runtime.load(object('pass_drop.o'))
    const [near, far] = createDevicePair()
    const p = first.program('pass', 'xdp')
    const link = attachXdp(p, near)
    first.close()
    expect(link.closed).toBe(true)
    expect(await link.done).toMatchObject({ packets: 0 })
    expect(thrownBy(() => p.testRun({ data: packet }))).toMatchObject({
      code: 'CLOSED',
      message: 'pass: its collection is closed; load it again',
    })
    const { used } = runtime.arena
    expect(thrownBy(() => attachXdp(p, far))).toMatchObject({ code: 'CLOSED' })
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('lose no packet when one follows another on a device, in this runtime or in the next', async () => {
    const [near, far] = createDevicePair()
    const [one, two] = [await createRuntime(), await createRuntime({ engine: 'interpreter' })]
    const [p, q] = await Promise.all(
      [one, two].map(async (r) => (await r.load(object('pass_drop.o'))).program('pass', 'xdp')),
    )
    const { used } = one.arena
    const first = attachXdp(p!, near)
    expect(thrownBy(() => attachXdp(q!, near))).toMatchObject({
      code: 'BUSY',
      message: 'device veth0 has program pass attached; close that link first',
    })
    await send(far, packet)
    await new Promise((resolve) => setTimeout(resolve, 0))
    first.close()
    expect(await first.done).toMatchObject({ packets: 1 })
    const second = attachXdp(p!, near)
    second.close()
    expect(await second.done).toMatchObject({ packets: 0 })
    const passed = createCollector()
    await send(far, ...[1, 2, 3].map((n) => new Uint8Array(60).fill(n)))
    const third = attachXdp(q!, near, { pass: passed, batchSize: 2 })
    await send(far, new Uint8Array(60).fill(4))
    await far.close()
    expect(await third.done).toMatchObject({ packets: 4, passed: 4 })
    expect(passed.packets.map((r) => r.data[0])).toEqual([1, 2, 3, 4])
    expect(one.arena.used).toBe(used)
    one.close()
    two.close()
  })

  it('refuse what is no device and no XDP program, with the mend', async () => {
    const runtime = await createRuntime()
    const collection = await runtime.load(object('pass_drop.o'))
    const p = collection.program('pass', 'xdp')
    const [device] = createDevicePair()
    const { used } = runtime.arena
    const cases: readonly [() => unknown, string, RegExp][] = [
      [
        () => attachXdp(p, createPcapSource(file('traffic.pcap')) as never),
        'BAD_DEVICE',
        /is a promise; await it/,
      ],
      [() => attachXdp(p, undefined as never), 'BAD_DEVICE', /device is no PacketDevice; give openPcap/],
      [() => attachXdp(p, device, { pass: [] as never }), 'BAD_DEVICE', /options\.pass is no PacketDevice/],
      [() => attachXdp(undefined as never, device), 'BAD_PROGRAM', /give collection\.program\(name, "xdp"\)/],
      [() => attachXdp(Promise.resolve(p) as never, device), 'BAD_PROGRAM', /a promise was given as program/],
      [() => attachXdp(p, device, { batchSize: 0 }), 'BAD_OPTION', /batchSize is 0/],
    ]
    for (const [run, code, message] of cases) {
      expect(thrownBy(run)).toMatchObject({ code, message: expect.stringMatching(message) })
    }
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('close in any order while packets come', async () => {
    const steps: Readonly<Record<string, (r: Runtime, c: Collection, l: XdpLink) => void>> = {
      runtime: (r) => r.close(),
      collection: (_, c) => c.close(),
      link: (_r, _c, l) => l.close(),
    }
    for (const order of [
      ['runtime', 'collection', 'link'],
      ['collection', 'runtime', 'link'],
      ['link', 'runtime', 'collection'],
      ['link', 'link', 'collection', 'runtime', 'runtime'],
    ]) {
      const runtime = await createRuntime()
      const collection = await runtime.load(object('pass_drop.o'))
      let batches = 0
      const link: XdpLink = attachXdp(
        collection.program('pass', 'xdp'),
        await createPcapSource(file('traffic.pcap')),
        {
          batchSize: 8,
          onBatch: () => {
            if (++batches === 2) for (const step of order) steps[step]!(runtime, collection, link)
          },
        },
      )
      expect(await link.done).toMatchObject({ packets: 16 })
      expect(batches).toBe(2)
    }
  })

  it('tell of a device that fails, and free their packets', async () => {
    const runtime = await createRuntime()
    const heard: Error[] = []
    runtime.on('exception', (error) => heard.push(error))
    const collection = await runtime.load(object('pass_drop.o'))
    const { used } = runtime.arena
    const [device] = createDevicePair()
    const broken = { ...device, receive: () => Promise.reject(new Error('unplugged')) }
    const link = attachXdp(collection.program('pass', 'xdp'), broken)
    await expect(link.done).rejects.toThrow('unplugged')
    expect(link.closed).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(heard.map((e) => e.message)).toEqual(['unplugged'])
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })
})

describe('two runtimes', () => {
  it('share nothing', async () => {
    const [a, b] = [await createRuntime(), await createRuntime()]
    const codecs = { key: codec.u32, value: codec.u64 }
    const [mine, theirs] = [await a.load(object('firewall.o')), await b.load(object('firewall.o'))]
    mine.map('blocked', codecs).set(1, 1n)
    expect([...theirs.map('blocked', codecs)]).toEqual([])
    a.close()
    expect(theirs.program('firewall', 'xdp').testRun({ data: packet }).retval).toBe(2)
    expect(thrownBy(() => mine.program('firewall').testRun({ data: packet }))).toMatchObject({
      code: 'CLOSED',
    })
    b.close()
  })
})
