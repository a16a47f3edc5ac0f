import { attachTc, attachTcx, tcEgress } from '@skep/hook-tc'
import { attachXdp } from '@skep/hook-xdp'
import { kernel, networkInterface, openPacketSocket } from '@skep/linux'
import { buildPacket, createDevicePair, PacketBatch, type PacketDevice } from '@skep/packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces, noNamespaces } from '../../../vitest.namespaces.ts'
import { type Collection, codec, createRuntime, type Program, type Runtime } from '../src/index.ts'
import { missing as noKernel, hooks as spec } from './hooks-object.ts'

// The same programs on the two ends of a veth pair, run by Skep over packet sockets and by the kernel itself.

const engines = ['kernel', 'jit'] as const
type EngineName = (typeof engines)[number]

const udp = (from: string, port: number): Uint8Array =>
  buildPacket([
    { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
    { layer: 'ipv4', src: from, dst: '10.9.0.2' },
    { layer: 'udp', srcPort: 5000, dstPort: port },
    { layer: 'payload', data: new Uint8Array(30).fill(port) },
  ])
const BLOCKED = '10.9.0.66'
/** The last one is let through, and says that all others have gone through. */
const LAST = 99
const packets = [1, 2, 3, 4, 5]
  .map((n) => udp(n % 2 === 0 ? BLOCKED : `10.9.0.${n}`, n))
  .concat(udp('10.9.0.9', LAST))

function batchOf(sent: readonly Uint8Array[]): PacketBatch {
  const batch = new PacketBatch({ capacity: sent.length })
  for (const packet of sent) batch.push(packet)
  return batch
}

/** Packets that arrive, up to the last one. */
async function arrivals(device: PacketDevice): Promise<string[]> {
  const batch = new PacketBatch({ capacity: 64 })
  const seen: string[] = []
  while (await device.receive(batch)) {
    for (let n = 0; n < batch.count; n++) {
      const { data } = batch.record(n, device.linkType)
      seen.push(data.join('.'))
      if (data.at(-1) === LAST) return seen
    }
  }
  return seen
}

/** What the programs counted. */
function counts(collection: Collection): object {
  const protocols = collection.perCpuMap('protocols', { key: codec.u32, value: codec.u64 })
  return {
    udp: protocols.get(17)!.reduce((sum, n) => sum + n, 0n),
    packets: collection.readGlobal('packets').join(),
    bytes: collection.readGlobal('bytes').join(),
    blocked: [...collection.map('blocked').entries()].join('|'),
    sources: [...collection.map('sources').entries()].map(String).sort(),
  }
}

const missing = noKernel ?? noNamespaces

describe.skipIf(missing)(`a veth pair${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let spaces: Namespaces
  let namespace: string
  const runtimes = {} as Record<EngineName, Runtime>

  beforeAll(async () => {
    spaces = makeNamespaces('pair')
    spaces.ip(
      'pair',
      'link add west type veth peer name east',
      'link set west address 02:00:00:00:00:01 up',
      'link set east address 02:00:00:00:00:02 up',
    )
    namespace = spaces.of('pair')
    runtimes.kernel = await createRuntime({ engine: kernel() })
    runtimes.jit = await createRuntime({ cpus: 2 })
  })
  afterAll(() => {
    for (const runtime of Object.values(runtimes)) runtime.close()
    spaces?.[Symbol.dispose]()
  })

  /** What programs attach to: an interface of the kernel's, or a socket on it. */
  const device = (engine: EngineName, name: string): Promise<PacketDevice> =>
    engine === 'kernel' ? networkInterface(name, { namespace }) : openPacketSocket(name, { namespace })

  async function load(engine: EngineName): Promise<Collection> {
    const collection = await runtimes[engine].load(spec, { programs: ['firewall', 'shaper'] })
    collection.map('blocked').update(Uint8Array.of(10, 9, 0, 66), new Uint8Array(8))
    return collection
  }

  it('XDP drops and rewrites what comes in', async () => {
    const left: unknown[] = []
    for (const engine of engines) {
      using collection = await load(engine)
      await using sender = await openPacketSocket('west', { namespace })
      await using east = await device(engine, 'east')
      // A socket sees what XDP passes on; Skep passes it on to a device of its own.
      await using reader = engine === 'kernel' ? await openPacketSocket('east', { namespace }) : undefined
      const [pass, behind] = createDevicePair()
      using link = attachXdp(collection.program('firewall', 'xdp'), east, reader ? {} : { pass })
      await sender.transmit(batchOf(packets))
      left.push({ passed: await arrivals(reader ?? behind), ...counts(collection) })
      expect(link.closed).toBe(false)
    }
    expect(left[1]).toEqual(left[0])
  })

  const kinds = {
    tc: (program: Program<'sched_cls'>, west: PacketDevice) =>
      attachTc(program, west, { direction: 'egress', directAction: true }),
    tcx: (program: Program<'sched_cls'>, west: PacketDevice) =>
      attachTcx(program, west, { direction: 'egress' }),
  }
  it.each(['tc', 'tcx'] as const)('%s drops and rewrites what goes out', async (kind) => {
    const left: unknown[] = []
    for (const engine of engines) {
      using collection = await load(engine)
      await using west = await device(engine, 'west')
      await using reader = await openPacketSocket('east', { namespace })
      using link = kinds[kind](collection.program('shaper', 'sched_cls'), west)
      await using sender =
        engine === 'kernel' ? await openPacketSocket('west', { namespace }) : tcEgress(west)
      // One by one: what a filter drops is tried again behind others of a batch.
      for (const packet of packets) await sender.transmit(batchOf([packet]))
      left.push({ at: link.attachPoint, passed: await arrivals(reader), ...counts(collection) })
    }
    expect(left[1]).toEqual(left[0])
  })
})
