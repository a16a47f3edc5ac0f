import { attachXdp, type XdpAttachOptions, type XdpLink, type XdpProgram } from '@skep/hook-xdp'
import { createCollector, createDevicePair, type PacketDevice } from '@skep/packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Collection, createRuntime, type Runtime } from '../../src/index.ts'
import { program, send, spec, thrownBy } from '../hostile-tools.ts'

// Programs on a device: one that takes another's place, several by priority, and what hosts do wrong.

const [DROP, PASS, TX] = [1, 2, 3]
/** Times that it attaches and detaches; SKEP_LONG=1 for all that an afternoon has. */
const TIMES = process.env['SKEP_LONG'] ? 100_000 : 500

/** Writes its mark behind those that are there, and returns the packet's first byte, or `verdict` where that is 0. */
const marker = (name: string, mark: number, verdict: number) =>
  program(
    `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r0 = 1
    r4 = r2
    r4 += 16
    if r4 > r3 goto +7
    r5 = *(u8 *)(r2 + 15)
    r5 <<= 4
    r5 |= ${mark}
    *(u8 *)(r2 + 15) = r5
    r0 = *(u8 *)(r2 + ${mark})
    if r0 != 0 goto +1
    r0 = ${verdict}
    exit`,
    { name },
  )

let runtime: Runtime
let collection: Collection
const heard: Error[] = []
beforeEach(async () => {
  heard.length = 0
  runtime = await createRuntime()
  runtime.on('exception', (error) => void heard.push(error as Error))
  collection = await runtime.load(
    spec([
      marker('one', 1, PASS),
      marker('two', 2, PASS),
      marker('three', 3, PASS),
      program('r0 = 1\nexit', { name: 'drop' }),
      program('r0 = 0\nexit', { name: 'filter', type: 'socket_filter', section: 'socket' }),
    ]),
  )
})
afterEach(() => runtime.close())

const p = (name: string): XdpProgram => collection.program(name, 'xdp')
const bytes = (...first: number[]): Uint8Array => {
  const packet = new Uint8Array(60)
  packet.set(first)
  return packet
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 0))

describe('a link', () => {
  it('gets another program, and only the expected one gives way', async () => {
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const link = attachXdp(p('one'), near, { pass: passed })
    await send(far, bytes())
    await settled()
    link.update(p('two'), { expected: p('one') })
    expect(link.program.name).toBe('two')
    expect(thrownBy(() => link.update(p('three'), { expected: p('one') }))).toMatchObject({
      code: 'NOT_EXPECTED',
      errno: 'EPERM',
    })
    await send(far, bytes())
    await settled()
    link.update(p('three'))
    await send(far, bytes())
    await far.close()
    expect(await link.done).toMatchObject({ packets: 3, passed: 3 })
    expect(passed.packets.map(({ data }) => data[15])).toEqual([1, 2, 3])
    expect(thrownBy(() => link.update(p('one')))).toMatchObject({ code: 'CLOSED', errno: 'ENOLINK' })
  })

  it('takes the place of what is there, or of one program only, or of nothing', async () => {
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const attach = (name: string, options: XdpAttachOptions = {}): XdpLink =>
      attachXdp(p(name), near, { pass: passed, ...options })
    expect(thrownBy(() => attach('two', { replace: p('one') }))).toMatchObject({
      code: 'NOT_EXPECTED',
      errno: 'EEXIST',
    })
    const first = attach('one', { replace: true })
    expect(thrownBy(() => attach('two'))).toMatchObject({ code: 'BUSY', errno: 'EBUSY' })
    expect(thrownBy(() => attach('two', { replace: p('three') }))).toMatchObject({ code: 'NOT_EXPECTED' })
    await send(far, bytes())
    const second = attach('two', { replace: p('one') })
    expect([first.closed, second.closed]).toEqual([true, false])
    expect(await first.done).toMatchObject({ packets: 0 })
    const other = await createRuntime()
    const foreign = (await other.load(spec([marker('far', 4, PASS)]))).program('far', 'xdp')
    expect(thrownBy(() => second.update(foreign))).toMatchObject({ code: 'FOREIGN' })
    await settled()
    await send(far, bytes())
    const third = attachXdp(foreign, near, { pass: passed, replace: true })
    await far.close()
    await third.done
    expect(passed.packets.map(({ data }) => data[15])).toEqual([2, 4])
    expect([second.closed, third.closed]).toEqual([true, true])
    other.close()
  })

  it('shares the device by priority, while verdicts say so', async () => {
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const verdicts: number[] = []
    const three = attachXdp(p('three'), near, { pass: passed, priority: 60 })
    const one = attachXdp(p('one'), near, {
      priority: 10,
      chainCall: [PASS, DROP],
      onBatch: (batch) => {
        for (let n = 0; n < batch.count; n++) verdicts.push(batch.verdict(n))
      },
    })
    const two = attachXdp(p('two'), near, { chainCall: [PASS, TX] })
    expect([one.priority, two.priority, three.priority]).toEqual([10, 50, 60])
    expect(thrownBy(() => attachXdp(p('drop'), near))).toMatchObject({ code: 'BUSY' })
    await send(
      far,
      bytes(),
      bytes(0, DROP), // `one` says drop, which asks the next one
      bytes(0, TX), // `one` says tx: that is it
      bytes(0, 0, TX), // `two` says tx, `three` passes
      bytes(0, 0, DROP),
      bytes(0, 0, 0, DROP),
      bytes(0, 0, 0, 77),
    )
    await settled()
    two.close()
    await send(far, bytes())
    await far.close()
    expect([await one.done, await two.done, await three.done]).toMatchObject([
      { packets: 8, bytes: 480, transmitted: 1, passed: 0, dropped: 0 },
      { packets: 6, dropped: 1, passed: 0 },
      // The last one's PASS is a chain call too, after which the packet is through.
      { packets: 6, passed: 4, dropped: 1, aborted: 1 },
    ])
    expect(verdicts).toEqual([PASS, PASS, TX, PASS, DROP, DROP, 77, PASS])
    expect(passed.packets.map(({ data }) => data[15])).toEqual([0x23, 0x23, 0x23, 0x13])
  })

  it('has room for ten programs', () => {
    const [near] = createDevicePair()
    const links = Array.from({ length: 10 }, (_, n) => attachXdp(p('one'), near, { priority: n }))
    expect(thrownBy(() => attachXdp(p('one'), near, { priority: 10 }))).toMatchObject({ code: 'BUSY' })
    const taker = attachXdp(p('two'), near, { replace: true })
    expect(links.every(({ closed }) => closed)).toBe(true)
    taker.close()
  })

  it(`is attached and detached ${TIMES} times: nothing is left`, async () => {
    const [near, far] = createDevicePair()
    const { count } = runtime.arena
    for (let n = 0; n < TIMES; n++) {
      const link = attachXdp(p('one'), near, n % 2 ? { priority: 1 } : {})
      if (n % 3 === 0) link.update(p('two'))
      link.close()
      if (n % 500 === 0) await link.done
    }
    const link = attachXdp(p('one'), near)
    await send(far, bytes())
    await far.close()
    expect(await link.done).toMatchObject({ passed: 1 })
    await settled()
    expect(runtime.arena.count).toBe(count)
  }, 600_000)
})

describe('what hosts do wrong', () => {
  it('onBatch that throws: an event, and the packets go on', async () => {
    const [near, far] = createDevicePair()
    const passed = createCollector()
    const onBatch = (): void => {
      throw new Error('not today')
    }
    const link = attachXdp(p('one'), near, { pass: passed, onBatch })
    await send(far, bytes(), bytes())
    await far.close()
    expect(await link.done).toMatchObject({ passed: 2 })
    expect(passed.packets.length).toBe(2)
    expect(heard.map(({ message }) => message)).toEqual(['not today'])
  })

  it('a device that does not take packets: the others get theirs, and the link ends with its error', async () => {
    const [near, far] = createDevicePair()
    const { used } = runtime.arena
    const broken: PacketDevice = {
      ...createCollector(),
      transmit: () => Promise.reject(new Error('no carrier')),
    }
    const link = attachXdp(p('one'), near, { pass: broken })
    await send(far, bytes(), bytes(0, TX), bytes())
    await expect(link.done).rejects.toThrow('no carrier')
    expect([link.closed, link.stats.passed, near.stats.txPackets]).toEqual([true, 2, 1])
    expect(heard.map(({ message }) => message)).toEqual(['no carrier'])
    await settled()
    expect(runtime.arena.used).toBe(used)
  })

  it('programs of other types, and options out of range', () => {
    const [near] = createDevicePair()
    // @ts-expect-error: a socket filter is no XDP program.
    const filter: XdpProgram = collection.program('filter', 'socket_filter')
    expect(thrownBy(() => attachXdp(filter, near))).toMatchObject({
      code: 'WRONG_PROGRAM_TYPE',
      errno: 'EINVAL',
    })
    const cases: readonly XdpAttachOptions[] = [{ priority: -1 }, { chainCall: [32] }, { batchSize: 0.5 }]
    for (const options of cases)
      expect(thrownBy(() => attachXdp(p('one'), near, options))).toMatchObject({ code: 'BAD_OPTION' })
  })
})
