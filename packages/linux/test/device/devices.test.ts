import { buildPacket, type LayerInput, PacketBatch, type PacketDevice } from '@skep/packet'
import { afterAll, describe, expect, it } from 'vitest'
import { makeNamespaces, type Namespaces, noNamespaces } from '../../../../vitest.namespaces.ts'
import { DeviceError } from '../../src/device/errors.ts'
import { bindDeviceLibc } from '../../src/device/libc.ts'
import { inNetworkNamespace } from '../../src/device/namespace.ts'
import { openPacketSocket } from '../../src/device/packet-socket.ts'
import { openTap } from '../../src/device/tap.ts'
import { missing as noKernel } from '../availability.ts'

const missing = noKernel ?? noNamespaces
const named = (name: string): string => (missing ? `${name} (skipped: ${missing})` : name)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const batchOf = (packets: readonly Uint8Array[]): PacketBatch => {
  const batch = new PacketBatch({ capacity: packets.length + 1 })
  for (const packet of packets) batch.push(packet)
  return batch
}

const frame = (n: number, length = 60, tag?: number): Uint8Array => {
  const tags: LayerInput[] = tag === undefined ? [] : [{ layer: 'vlan', id: tag, type: 0x88b5 }]
  const type = tag === undefined ? { type: 0x88b5 } : {}
  const data = new Uint8Array(length - 14).fill(n & 0xff)
  new DataView(data.buffer).setUint32(0, n)
  return buildPacket([
    { layer: 'ethernet', src: '02:00:00:00:00:02', dst: '02:00:00:00:00:01', ...type },
    ...tags,
    { layer: 'payload', data },
  ])
}

/** Receives so many packets. */
async function take(device: PacketDevice, count: number, batch = new PacketBatch()): Promise<string[]> {
  const packets: string[] = []
  while (packets.length < count) {
    if ((await device.receive(batch)) === 0) break
    packets.push(...[...batch].map(hex))
  }
  return packets
}

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: DeviceError) => error.code,
  )

describe.skipIf(missing)(named('TAP and AF_PACKET devices'), () => {
  const ns: Namespaces = missing ? (undefined as never) : makeNamespaces('d')
  const namespace = missing ? '' : ns.of('d')
  afterAll(() => ns[Symbol.dispose]())

  it('pass frames whole in both directions, in the order and with the bytes that were sent', async () => {
    const tap = await openTap('tap%d', { namespace })
    const socket = await openPacketSocket(tap.name, { namespace })
    expect(tap).toMatchObject({ name: 'tap0', ifindex: socket.ifindex, mtu: 1500, linkType: 1 })
    const sent = Array.from({ length: 700 }, (_, n) => frame(n, 60 + ((n * 37) % 1455)))
    const memory = new WebAssembly.Memory({ initial: 20 })
    const arena = new PacketBatch({
      buffer: new Uint8Array(memory.buffer),
      start: 4096,
      headroom: 256,
      frameSize: 2048,
      align: 64,
    })
    for (const [from, to] of [
      [tap, socket],
      [socket, tap],
    ] as const) {
      const received = take(to, sent.length, arena)
      for (let at = 0; at < sent.length; at += 350) await from.transmit(batchOf(sent.slice(at, at + 350)))
      expect(await received).toEqual(sent.map(hex))
    }
    const bytes = sent.reduce((sum, { length }) => sum + length, 0)
    const all = { rxPackets: 700, txPackets: 700, rxBytes: bytes, txBytes: bytes, rxDropped: 0, txDropped: 0 }
    expect(tap.stats).toMatchObject(all)
    expect(socket.stats).toMatchObject(all)
    expect(arena.tables.offsets[1]! - arena.tables.offsets[0]!).toBe(2048)
    await tap.close()
    await socket.close()
  })

  it('see VLAN tags in the frame, which Linux takes out of it', async () => {
    await using tap = await openTap('tap1', { namespace })
    await using socket = await openPacketSocket('tap1', { namespace })
    const tagged = frame(7, 100, 42)
    await tap.transmit(batchOf([tagged]))
    expect(await take(socket, 1)).toEqual([hex(tagged)])
  })

  it('receive what the machine sends only where they are asked to', async () => {
    await using _tap = await openTap('tap2', { namespace })
    await using plain = await openPacketSocket('tap2', { namespace, promiscuous: true })
    await using both = await openPacketSocket('tap2', { namespace, outgoing: true, bypassQdisc: true })
    await plain.transmit(batchOf([frame(1)]))
    expect(await take(both, 1)).toEqual([hex(frame(1))])
    await _tap.transmit(batchOf([frame(2)]))
    expect(await take(plain, 1)).toEqual([hex(frame(2))])
  })

  it('end what waits when they are closed, as often as that is', async () => {
    for (const open of [openTap, openPacketSocket]) {
      await using _tap = await openTap('tap3', { namespace })
      const device = await open(open === openTap ? 'tap4' : 'tap3', { namespace })
      const waiting = [device.receive(new PacketBatch()), device.receive(new PacketBatch())]
      await device.close()
      await device.close()
      expect(await Promise.all(waiting)).toEqual([0, 0])
      expect(await device.receive(new PacketBatch())).toBe(0)
      await expect(device.transmit(batchOf([frame(1)]))).rejects.toMatchObject({ code: 'CLOSED' })
      expect(device.stats.txPackets).toBe(0)
    }
  })

  it('open and close without leaving descriptors behind', async () => {
    const { readdirSync } = await import('node:fs')
    const open = async (): Promise<void> => {
      await using _tap = await openTap('tap5', { namespace })
      await using _socket = await openPacketSocket('tap5', { namespace, ringFrames: 64 })
    }
    await open()
    const before = readdirSync('/proc/self/fd').length
    for (let n = 0; n < 2; n++) await open()
    await code(openPacketSocket('tap5', { namespace }))
    await code(openPacketSocket('tap5', { namespace, ringFrames: 0 }))
    await code(openTap('lo', { namespace }))
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })

  it('count what the kernel does not take, and what nobody read in time', async () => {
    await using tap = await openTap('tap6', { namespace, mtu: 1000 })
    await using socket = await openPacketSocket('tap6', { namespace, ringFrames: 64 })
    expect(socket.mtu).toBe(1000)
    await socket.transmit(batchOf([frame(1), frame(2, 1400), frame(3).subarray(0, 8), frame(4)]))
    expect(await take(tap, 2)).toEqual([hex(frame(1)), hex(frame(4))])
    expect(socket.stats).toMatchObject({ txPackets: 2, txDropped: 2 })
    await tap.transmit(batchOf(Array.from({ length: 100 }, (_, n) => frame(n, 1000))))
    const { rxDropped } = socket.stats
    expect(rxDropped).toBeGreaterThan(0)
    expect((await take(socket, 100 - rxDropped)).at(0)).toBe(hex(frame(0, 1000)))
    expect(socket.stats).toMatchObject({ rxPackets: 100 - rxDropped, rxDropped })
  })

  it('say when a packet is too long for the batch', async () => {
    await using tap = await openTap('tap7', { namespace })
    await using socket = await openPacketSocket('tap7', { namespace })
    const small = (): PacketBatch => new PacketBatch({ buffer: new Uint8Array(128) })
    await tap.transmit(batchOf([frame(1, 200)]))
    expect(await code(socket.receive(small()))).toBe('TOO_LONG')
    await socket.transmit(batchOf([frame(1, 200), frame(2, 100)]))
    expect(await code(tap.receive(small()))).toBe('TOO_LONG')
    expect(await take(tap, 1, small())).toEqual([hex(frame(2, 100))])
  })

  it('fail with what the kernel says when their interface goes', async () => {
    await using socket = await openPacketSocket('gone', { namespace }).catch(async () => {
      ns.ip('d', 'link add gone type veth peer name other', 'link set gone up')
      return openPacketSocket('gone', { namespace })
    })
    const waiting = code(socket.receive(new PacketBatch()))
    ns.ip('d', 'link set gone down', 'link set gone up', 'link del gone')
    expect(await waiting).toBe('ENODEV')
    const tap = await openTap('tap8', { namespace })
    const reading = code(tap.receive(new PacketBatch()))
    ns.ip('d', 'link del tap8')
    expect(await reading).toBe('EBADFD')
    expect(await code(tap.transmit(batchOf([frame(1)])))).toBe('EBADFD')
    await tap.close()
  })

  it('say what is wrong and what helps', async () => {
    await using _tap = await openTap('tap9', { namespace })
    const refusals = await Promise.all(
      [
        openTap('tap9', { namespace }),
        openTap('lo', { namespace }),
        openTap('a name', { namespace }),
        openTap('tap10', { namespace: 'skep-none' }),
        openTap('tap10', { namespace: '/proc/self/ns/uts' }),
        openTap('tap10', { namespace, mtu: 1 }),
        openPacketSocket('eth77', { namespace }),
        openPacketSocket('tap9', { namespace, ringFrames: 1.5 }),
        openPacketSocket('tap9', { namespace, ifindex: 0 }),
      ].map((opening) => opening.catch((error: unknown) => error as DeviceError)),
    )
    for (const error of refusals) expect(error).toBeInstanceOf(DeviceError)
    expect(refusals.map((error) => (error as DeviceError).message)).toEqual([
      'EBUSY: tap9: TUNSETIFF failed; another process has this interface open; close it there, or take another name',
      'EINVAL: lo: TUNSETIFF failed; there is an interface of this name that is no TAP device; take another name',
      'BAD_OPTION: "a name": this is no name of an interface; give 1 to 15 bytes without spaces and slashes',
      'ENOENT: skep-none: /run/netns/skep-none does not open; `ip netns add` makes it',
      'EINVAL: /proc/self/ns/uts: setns failed: /proc/self/ns/uts; give the file of a network namespace',
      'EINVAL: tap10: SIOCSIFMTU failed: mtu 1',
      'ENODEV: eth77: SIOCGIFHWADDR failed; name an interface that `ip link` shows, in the namespace that is meant',
      'BAD_OPTION: tap9: ringFrames is 1.5; give a whole number from 1 to 1048576',
      'BAD_OPTION: tap9: ifindex is 0; give a whole number from 1',
    ])
  })

  it('are opened in the namespace that is named, and nothing else is', async () => {
    const { readlinkSync } = await import('node:fs')
    const here = (): string => readlinkSync('/proc/thread-self/ns/net')
    const home = here()
    expect(await inNetworkNamespace(namespace, here)).not.toBe(home)
    expect(here()).toBe(home)
    await expect(
      inNetworkNamespace(namespace, () => {
        throw new Error('of the host')
      }),
    ).rejects.toThrow('of the host')
    expect(here()).toBe(home)
  })
})

describe('where there are no such devices', () => {
  const host = { platform: 'linux', arch: 'x64', koffi: () => Promise.reject(new Error('not installed')) }

  it('that is what is said', async () => {
    await expect(bindDeviceLibc({ ...host, platform: 'darwin' })).rejects.toThrow(
      'UNAVAILABLE: darwin: TAP and AF_PACKET devices are of Linux',
    )
    await expect(bindDeviceLibc(host)).rejects.toThrow('koffi does not load; npm install koffi')
  })
})
