import { readFileSync } from 'node:fs'
import { attachXdp, type XdpLink } from '@skep/hook-xdp'
import { assemble } from '@skep/isa'
import { createCollector, createDevicePair, createPcapSource, PacketBatch } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import {
  arg,
  type Collection,
  type CollectionSpec,
  codec,
  createRuntime,
  defineHelper,
  defineMapType,
  definePlugin,
  type MapSpec,
  type PluginDef,
  ProgramFault,
  type ProgramSpec,
  parseElf,
  type Runtime,
  RuntimeError,
  type RuntimeOptions,
  ret,
  VerifierError,
} from '../src/index.ts'

// What hosts, plugins and specs do wrong, by mistake or on purpose: a typed error or an event, nothing left behind, and
// the next run is right.

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, testdata)))
const object = (name: string): CollectionSpec => parseElf(file(name))

const program = (text: string, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name: 'p',
  section: 'xdp',
  type: 'xdp',
  license: 'GPL',
  insns: assemble(text),
  references: [],
  functions: [],
  lines: [],
  ...more,
})

const spec = (programs: readonly ProgramSpec[], maps: readonly MapSpec[] = []): CollectionSpec => ({
  programs,
  maps,
  variables: [],
  license: 'GPL',
  notes: [],
})

/** Marks the ld_imm64 at `insn` as one of map `map`. */
function withMap(text: string, insn: number, map: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
  const made = program(text, { ...more, references: [{ insn, kind: 'map', map }] })
  made.insns[insn * 8 + 1]! |= 0x10
  return made
}

const packet = new Uint8Array(64)
const engines = ['jit', 'interpreter'] as const
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
}

async function send(
  device: { transmit(b: PacketBatch): Promise<void> },
  ...packets: Uint8Array[]
): Promise<void> {
  const batch = new PacketBatch()
  for (const p of packets) batch.push(p)
  await device.transmit(batch)
}

/** Calls `call` with the packet's first byte, and passes. */
const hook = (call: (n: number) => number): PluginDef =>
  definePlugin({
    name: 'acme',
    helpers: [
      defineHelper({
        name: 'acme_hook',
        id: 0x1_0001,
        args: [arg.scalar()],
        returns: ret.u32(),
        programTypes: ['xdp'],
        call,
      }),
    ],
  })

const counter: MapSpec = { name: 'counter', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }
/** Counts in `counter`, then calls the hook with the first byte of the packet, and returns what that returned. */
const calling = spec(
  [
    withMap(
      `
      r7 = *(u32 *)(r1 + 0)
      r8 = *(u32 *)(r1 + 4)
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = 0 ll
      call 1
      if r0 == 0 goto +2
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
      r1 = r7
      r1 += 1
      r0 = 1
      if r1 > r8 goto +2
      r1 = *(u8 *)(r7 + 0)
      call 0x10001
      exit`,
      5,
      'counter',
    ),
  ],
  [counter],
)
const counted = (collection: Collection): bigint =>
  collection.map('counter', { key: codec.u32, value: codec.u64 }).get(0)!

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

describe('a load', () => {
  it('that meets the memory limit leaves nothing behind', async () => {
    const runtime = await createRuntime({ limit: 4 << 20 })
    const small: MapSpec = { name: 'a', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1000 }
    const huge: MapSpec = { ...small, name: 'b', maxEntries: 1_000_000 }
    const two = program('r0 = 2\nexit')
    await runtime.load(spec([two], [small]))
    const { used } = runtime.arena
    for (const maps of [
      [small, huge],
      [small, { ...huge, type: 'hash' }],
      [small, { ...huge, maxEntries: 0xffff_ffff }],
      [small, { ...huge, type: 'prog_array', valueSize: 4, maxEntries: 0xffff_ffff }],
      [small, { ...huge, type: 'lru_hash', keySize: 500 }],
      [small, { ...huge, valueSize: 0xffff_ffff }],
    ]) {
      const error = (await failure(runtime.load(spec([two], maps)))) as { code: string }
      expect(error.code).toMatch(/^(ENOMEM|E2BIG|EINVAL)$/)
      expect(runtime.arena.used).toBe(used)
    }
    expect((await runtime.load(spec([two]))).program().testRun({ data: packet }).retval).toBe(2)
    runtime.close()
  })

  it('takes ten thousand maps with odd names', async () => {
    const runtime = await createRuntime()
    const maps = Array.from(
      { length: 10_000 },
      (_, n): MapSpec => ({ ...counter, name: `__proto__\u0000\n${n}` }),
    )
    const collection = await runtime.load(
      spec([program('r0 = 2\nexit')], [...maps, { ...counter, name: '__proto__' }]),
    )
    expect(collection.map('__proto__').maxEntries).toBe(1)
    expect(collection.program().testRun({ data: packet }).retval).toBe(2)
    collection.close()
    runtime.close()
  })

  it('refuses specs that are none, or that contradict themselves', async () => {
    const runtime = await createRuntime()
    const two = program('r0 = 2\nexit')
    const variable = { name: 'v', section: '.data', map: 'counter', offset: 0, size: 8, constant: false }
    const cases: readonly [unknown, RegExp][] = [
      [undefined, /^undefined is no CollectionSpec .* parseElf/],
      [null, /^null is no/],
      [file('firewall.o'), /^a Uint8Array is no CollectionSpec/],
      [Promise.resolve(spec([two])), /^a promise was given instead of a spec; await it/],
      [{}, /^an object is no/],
      [spec([two, two]), /two programs are named "p"/],
      [spec([two], [counter, counter]), /two maps are named "counter"/],
      [spec([{ ...two, insns: '95' as never }]), /insns is a string/],
      [spec([{ ...two, references: undefined as never }]), /references is no array/],
      [spec([two], [{ ...counter, maxEntries: Number.NaN }]), /maxEntries is NaN; give an integer/],
      [spec([two], [{ ...counter, valueSize: -8 }]), /valueSize is -8/],
      [spec([two], [{ ...counter, keySize: 2 ** 40 }]), /keySize is 1099511627776/],
      [{ ...spec([two]), variables: [variable] }, /lies in map "counter", which the collection has not/],
      [
        { ...spec([two], [counter]), variables: [{ ...variable, offset: 4 }] },
        /do not lie in map counter of 8/,
      ],
    ]
    const { used } = runtime.arena
    for (const [given, message] of cases) {
      const error = await failure(runtime.load(given as CollectionSpec))
      expect(error).toBeInstanceOf(RuntimeError)
      expect(error).toMatchObject({ code: 'BAD_SPEC', message: expect.stringMatching(message) })
      expect(thrownBy(() => runtime.verify(given as CollectionSpec))).toMatchObject({ code: 'BAD_SPEC' })
    }
    expect(runtime.arena.used).toBe(used)
    runtime.close()
  })

  it('refuses references to nothing, verified or not', async () => {
    const runtime = await createRuntime({ engine: 'interpreter' })
    const text = 'r1 = 0 ll\nr0 = 2\nexit'
    const cases: readonly [ProgramSpec, MapSpec[], string][] = [
      [withMap(text, 0, 'absent'), [], 'BAD_REFERENCE'],
      [
        program(text, { references: [{ insn: 99, kind: 'map', map: 'counter' }] }),
        [counter],
        'BAD_REFERENCE',
      ],
      [
        program(text, { references: [{ insn: -1, kind: 'map', map: 'counter' }] }),
        [counter],
        'BAD_REFERENCE',
      ],
      [program(text, { type: 'nonesuch' }), [], 'UNKNOWN_PROGRAM_TYPE'],
      [program(text, { type: 4711 }), [], 'UNKNOWN_PROGRAM_TYPE'],
    ]
    const { used } = runtime.arena
    for (const [bad, maps, code] of cases) {
      const unverified = await failure(runtime.load(spec([bad], maps), { verify: false }))
      expect(unverified).toMatchObject({ name: 'RuntimeError', code })
      const verified = await failure(runtime.load(spec([bad], maps)))
      expect(verified instanceof VerifierError || verified instanceof RuntimeError).toBe(true)
    }
    // What engines keep for all programs.
    const kept = runtime.arena.used
    for (const [bad, maps] of cases) await failure(runtime.load(spec([bad], maps), { verify: false }))
    expect(runtime.arena.used).toBe(kept)
    expect(kept).toBeGreaterThanOrEqual(used)
    runtime.close()
  })

  it('refuses first contents that do not fit', async () => {
    const runtime = await createRuntime()
    const two = program('r0 = 2\nexit')
    const array: MapSpec = { name: 'progs', type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 2 }
    const key = new Uint8Array(4)
    for (const [map, code] of [
      [{ ...array, initial: [{ index: 2, program: 'p' }] }, 'E2BIG'],
      [{ ...array, initial: [{ index: -1, program: 'p' }] }, 'E2BIG'],
      [{ ...array, initial: [{ index: 0, program: 'q' }] }, 'BAD_REFERENCE'],
      [{ ...counter, initial: [{ key, value: new Uint8Array(9) }] }, 'EINVAL'],
      [{ ...counter, initial: [{ key: new Uint8Array(3), value: new Uint8Array(8) }] }, 'EINVAL'],
    ] as const) {
      expect(await failure(runtime.load(spec([two], [map as MapSpec])))).toMatchObject({ code })
    }
    runtime.close()
  })

  it('that the runtime is closed under fails, and leaves nothing', async () => {
    const runtime = await createRuntime()
    const loading = runtime.load(object('firewall.o'))
    runtime.close()
    expect(await failure(loading)).toMatchObject({ code: 'CLOSED' })
    expect(runtime.arena.count).toBeLessThan(10)
  })
})

describe('a program array', () => {
  it('forgets the programs of a collection that closes', async () => {
    for (const engine of engines) {
      const runtime = await createRuntime({ engine })
      const array: MapSpec = {
        name: 'progs',
        type: 'prog_array',
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
        frozen: true,
      }
      const caller = await runtime.load(
        spec(
          [withMap('r2 = 0 ll\nr3 = 1\ncall 12\nr0 = 2\nexit', 0, 'progs')],
          [{ ...array, frozen: false }],
        ),
      )
      const callee = await runtime.load(spec([program('r0 = 3\nexit')]))
      const word = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
      caller.map('progs').update(word(1), word(callee.program().record))
      caller.map('progs').freeze()
      expect(caller.program().testRun({ data: packet }).retval).toBe(3)
      callee.close()
      await runtime.load(spec([program('r0 = 1\nexit')]))
      expect(caller.program().testRun({ data: packet }).retval).toBe(2)
      expect(caller.map('progs').size).toBe(0)
      runtime.close()
    }
  })
})

describe('typed maps', () => {
  it('may be emptied by the loop that walks them', async () => {
    const runtime = await createRuntime()
    for (const type of ['hash', 'lru_hash']) {
      const map: MapSpec = { name: 'm', type, keySize: 4, valueSize: 4, maxEntries: 500 }
      const collection = await runtime.load(spec([program('r0 = 2\nexit')], [map]))
      const m = collection.map('m', { key: codec.u32, value: codec.u32 })
      for (let n = 0; n < 500; n++) m.set(n, n)
      const seen: number[] = []
      for (const [key] of m) {
        seen.push(key)
        if (key % 2 === 1) m.delete(key)
      }
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n))
      for (const key of m.keys()) m.delete(key)
      expect([...m]).toEqual([])
      collection.close()
      expect(() => m.get(1)).toThrow(/closed/)
      expect(() => [...m]).toThrow(/closed/)
    }
    runtime.close()
  })
})

describe('what newcomers do', () => {
  it('is answered with the fact and the mend', async () => {
    const runtime = await createRuntime()
    const firewall = await runtime.load(object('firewall.o'))
    const u64s = { key: codec.u32, value: codec.u64 }
    const set = (value: unknown) => () =>
      runtime.load(object('firewall.o'), { globals: { blocked_udp_port: value as number } })
    const cases: readonly [() => unknown, string, RegExp][] = [
      [
        () => firewall.map('blocked', { key: codec.u32 } as never),
        'CODEC_SIZE',
        /its value has no codec; give \{ key, value/,
      ],
      [() => firewall.perCpuMap('blocked', u64s), 'CODEC_SIZE', /one value for all CPUs; use map\("blocked"/],
      [() => firewall.program().testRun(undefined as never), 'BAD_OPTION', /data is undefined; give \{ data/],
      [() => firewall.program().testRun({ data: 'abc' as never }), 'BAD_OPTION', /data is a string/],
      [set(undefined), 'CODEC_SIZE', /undefined was given; give a number/],
      [set({}), 'CODEC_SIZE', /an object was given/],
      [set(Number.NaN), 'CODEC_SIZE', /NaN is not an integer/],
      [set(-32769), 'CODEC_SIZE', /-32769 does not fit/],
      [() => runtime.load(object('firewall.o'), { programs: ['x'] }), 'NO_SUCH_PROGRAM', /has: firewall/],
    ]
    for (const [run, code, message] of cases) {
      const error = await failure((async () => run())())
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    }
    runtime.close()
  })
})

describe('options', () => {
  it('are checked before anything is made', async () => {
    const cases: readonly [object, string, RegExp][] = [
      [{ engine: 'v8' }, 'NO_SUCH_ENGINE', /no engine "v8"; the plugins give: jit, interpreter/],
      [{ plugins: definePlugin({ name: 'x' }) }, 'BAD_OPTION', /is no list of plugins; give \[/],
      [{ plugins: [Promise.resolve()] }, 'BAD_OPTION', /plugins\[0\].*a promise is no plugin/],
      [{ seed: 1 }, 'BAD_OPTION', /a number is no bigint; write 1n/],
      [{ limit: -1 }, 'EINVAL', /limit is -1/],
      [{ cpus: 0 }, 'EINVAL', /cpus is 0/],
    ]
    for (const [options, code, message] of cases) {
      const error = await failure(createRuntime(options as RuntimeOptions))
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    }
  })
})

describe('checked mode', () => {
  const run = async (text: string, local = false): Promise<unknown> => {
    const runtime = await createRuntime({ engine: 'interpreter', plugins: [hook(() => 2)] })
    const secret = await runtime.load(spec([program('r0 = 2\nexit')], [{ ...counter, name: 'secret' }]))
    const control = runtime.host.control
    const filled = text
      .replaceAll('CONTROL', String(control))
      .replaceAll('RECORD', String(secret.program().record))
      .replaceAll('SECRET', String(secret.map('secret').address))
      .replaceAll('VALUE', String(secret.map('secret').link().array!.data))
    const p = program(filled)
    if (local) p.insns[1] = 0x10
    // CPU number, stack bounds: what no run changes.
    const fixed = (): unknown[] => [24, 40, 44].map((at) => runtime.arena.view.getUint32(control + at, true))
    const before = fixed()
    const collection = await runtime.load(spec([p]), { verify: false })
    const result = thrownBy(() => collection.program().testRun({ data: packet }))
    expect(fixed()).toEqual(before)
    expect(secret.program().testRun({ data: packet }).retval).toBe(2)
    expect(secret.map('secret', { key: codec.u32, value: codec.u64 }).get(0)).toBe(0n)
    runtime.close()
    return result
  }

  it.each([
    ['control block', 'r1 = CONTROL ll\n*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ['control block, below it', 'r1 = CONTROL ll\nr1 -= 4\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ["a program's record", 'r1 = RECORD ll\n*(u32 *)(r1 + 4) = 1\nr0 = 0\nexit'],
    ["a map's header", 'r1 = SECRET ll\n*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit'],
    ["another collection's values", 'r1 = VALUE ll\nr2 = 1\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit'],
    [
      'another map by a helper',
      '*(u64 *)(r10 - 8) = 0\nr1 = SECRET ll\nr2 = r10\nr2 += -8\ncall 1\nr0 = 0\nexit',
    ],
    ['a map that is none', '*(u64 *)(r10 - 8) = 0\nr1 = 70000\nr2 = r10\nr2 += -8\ncall 1\nr0 = 0\nexit'],
    ['the end of memory', 'r1 = 0xffffffff ll\nr0 = *(u64 *)(r1 + 0)\nexit'],
    ['past 32 bits', 'r1 = 0x100000000 ll\nr1 += r10\nr0 = *(u64 *)(r1 - 8)\nexit'],
    ['the frame above', 'r0 = *(u64 *)(r10 + 0)\nexit'],
    ['below the frame', 'r0 = *(u64 *)(r10 - 520)\nexit'],
    ['the kernel-only fields of the context', 'r0 = *(u32 *)(r1 + 28)\nexit'],
    ['the run header', 'r0 = *(u32 *)(r1 - 4)\nexit'],
  ])('keeps a program away from %s', async (_what, text) => {
    expect(await run(text)).toMatchObject({ name: 'ProgramFault' })
  })

  it('ends endless programs, and those that call themselves', async () => {
    expect(await run('goto -1\nexit')).toMatchObject({ code: 'BUDGET' })
    // A call of the function itself.
    expect(await run('call 0xffffffff\nexit', true)).toMatchObject({ code: 'STACK' })
  })
})
