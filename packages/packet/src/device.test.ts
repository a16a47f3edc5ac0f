import { describe, expect, it } from 'vitest'
import { traffic } from '../test/traffic.ts'
import {
  createCollector,
  createDevicePair,
  createPcapSink,
  createPcapSource,
  encodeCapture,
  LINKTYPE,
  PacketBatch,
  type PacketDevice,
  parseCapture,
  receiveAll,
} from './index.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const records = [...parseCapture(traffic)]
const bytesOf = (list: readonly { data: Uint8Array }[]) =>
  list.reduce((sum, { data }) => sum + data.length, 0)

function batchOf(...packets: Uint8Array[]) {
  const batch = new PacketBatch()
  for (const packet of packets) expect(batch.push(packet)).toBe(true)
  return batch
}

async function received(device: PacketDevice) {
  const packets: string[] = []
  for await (const batch of receiveAll(device)) packets.push(...[...batch].map(hex))
  return packets
}

describe('createPcapSource', () => {
  it('receives the packets of a capture and counts them', async () => {
    const device = await createPcapSource([traffic], { name: 'traffic', ifindex: 7 })
    expect(device).toMatchObject({ name: 'traffic', ifindex: 7, mtu: 1500, linkType: LINKTYPE.ETHERNET })
    expect(await received(device)).toEqual(records.map(({ data }) => hex(data)))
    expect(device.stats).toMatchObject({ rxPackets: records.length, rxBytes: bytesOf(records), rxErrors: 0 })
    await device.close()
  })

  it('leaves out packets of another link type, as errors', async () => {
    const interfaces = [
      { linkType: LINKTYPE.ETHERNET, snapLength: 0 },
      { linkType: LINKTYPE.RAW, snapLength: 0 },
    ]
    const packets = [1, 0, 1, 1, 0].map((interfaceId, i) => ({ data: Uint8Array.of(i), interfaceId }))
    const device = await createPcapSource(encodeCapture(packets, { format: 'pcapng', interfaces }))
    expect(await received(device)).toEqual(['01', '04'])
    expect(device.stats).toMatchObject({ rxPackets: 2, rxErrors: 3 })
  })

  it('passes on what is transmitted on it, or drops it', async () => {
    const transmitTo = createCollector()
    const through = await createPcapSource(traffic, { transmitTo })
    await through.transmit(batchOf(Uint8Array.of(1)))
    expect(transmitTo.packets.length).toBe(1)
    expect(through.stats).toMatchObject({ txPackets: 1, txBytes: 1, txDropped: 0 })
    const alone = await createPcapSource(traffic)
    await alone.transmit(batchOf(Uint8Array.of(1), Uint8Array.of(2)))
    expect(alone.stats).toMatchObject({ txPackets: 0, txDropped: 2 })
  })

  it('ends when it is closed', async () => {
    const device = await createPcapSource(traffic)
    await device.close()
    expect(await device.receive(new PacketBatch())).toBe(0)
    await expect(device.transmit(new PacketBatch())).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('hands over a damaged capture up to its damage', async () => {
    const device = await createPcapSource([traffic.subarray(0, -1)])
    let count = 0
    const reading = async () => {
      for await (const batch of receiveAll(device)) count += batch.count
    }
    await expect(reading()).rejects.toMatchObject({ code: 'PCAP_TRUNCATED' })
    expect(count).toBe(records.length - 1)
    await expect(createPcapSource(new Uint8Array(8))).rejects.toMatchObject({ code: 'PCAP_MAGIC' })
  })
})

describe('createPcapSink', () => {
  it.each(['pcap', 'pcapng'] as const)('writes %s that reads as it was', async (format) => {
    const source = await createPcapSource(traffic)
    const parts: Uint8Array[] = []
    let closed = 0
    const sink = createPcapSink(
      { write: (bytes) => void parts.push(bytes), close: () => void closed++ },
      { format },
    )
    for await (const batch of receiveAll(source, { headroom: 64 })) await sink.transmit(batch)
    await sink.close()
    await sink.close()
    expect(closed).toBe(1)
    const written = [...parseCapture(new Uint8Array(Buffer.concat(parts)))]
    const plain = (record: (typeof records)[number]) => ({ ...record, data: hex(record.data) })
    expect(written.map(plain)).toEqual(records.map(plain))
    expect(sink.stats).toMatchObject({ txPackets: records.length, txBytes: bytesOf(records) })
    await expect(sink.transmit(new PacketBatch())).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await sink.receive(new PacketBatch())).toBe(0)
  })

  it('writes a capture even if there are no packets', async () => {
    const parts: Uint8Array[] = []
    await createPcapSink({ write: (bytes) => void parts.push(bytes) }).close()
    expect([...parseCapture(parts[0]!)]).toEqual([])
  })

  it('lets the transmitter wait until the bytes are written', async () => {
    let finish = () => {}
    const sink = createPcapSink({ write: () => new Promise<void>((resolve) => (finish = resolve)) })
    let done = false
    const sent = sink.transmit(batchOf(Uint8Array.of(1))).then(() => (done = true))
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (i < 2) {
        expect(done).toBe(false)
        finish()
      }
    }
    await sent
    expect(sink.stats.txPackets).toBe(1)
  })
})

describe('createDevicePair', () => {
  it('carries packets both ways', async () => {
    const [a, b] = createDevicePair()
    expect([a.name, a.ifindex, b.name, b.ifindex]).toEqual(['veth0', 1, 'veth1', 2])
    await a.transmit(batchOf(Uint8Array.of(1), Uint8Array.of(2)))
    await b.transmit(batchOf(Uint8Array.of(3)))
    const batch = new PacketBatch()
    expect(await b.receive(batch)).toBe(2)
    expect([...batch].map(hex)).toEqual(['01', '02'])
    expect(await a.receive(batch)).toBe(1)
    expect([...batch].map(hex)).toEqual(['03'])
    expect(a.stats).toMatchObject({ txPackets: 2, txBytes: 2, rxPackets: 1, rxBytes: 1 })
  })

  it('lets the receiver wait for packets, and the transmitter for room', async () => {
    const [a, b] = createDevicePair({ queueLength: 2 })
    const waiting = received(b)
    await a.transmit(batchOf(...Array.from({ length: 50 }, (_, i) => Uint8Array.of(i))))
    await a.close()
    expect(await waiting).toEqual(Array.from({ length: 50 }, (_, i) => hex(Uint8Array.of(i))))
    expect(a.stats).toMatchObject({ txPackets: 50, txDropped: 0 })
  })

  it('drops what is beyond the queue if told so, and what is longer than the mtu allows', async () => {
    const [a, b] = createDevicePair({
      queueLength: 2,
      overflow: 'drop',
      ends: [{ mtu: 100 }, { name: 'far' }],
    })
    expect(b.name).toBe('far')
    await a.transmit(batchOf(new Uint8Array(118), new Uint8Array(119), new Uint8Array(1), new Uint8Array(1)))
    expect(a.stats).toMatchObject({ txPackets: 2, txDropped: 2 })
    const batch = new PacketBatch()
    await b.receive(batch)
    expect([...batch].map(({ length }) => length)).toEqual([118, 1])
  })

  it('ends for both when one is closed, once what is under way has come', async () => {
    const [a, b] = createDevicePair()
    await a.transmit(batchOf(Uint8Array.of(9)))
    const batch = new PacketBatch()
    const idle = a.receive(batch)
    await a.close()
    expect(await idle).toBe(0)
    expect(await received(b)).toEqual(['09'])
    await b.transmit(batchOf(Uint8Array.of(1)))
    expect(b.stats.txDropped).toBe(1)
    await expect(a.transmit(batchOf(Uint8Array.of(1)))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('frees a transmitter that waits when its device is closed', async () => {
    const [a] = createDevicePair({ queueLength: 1 })
    const sent = a.transmit(batchOf(Uint8Array.of(1), Uint8Array.of(2)))
    await a.close()
    await expect(sent).resolves.toBeUndefined()
    expect(a.stats).toMatchObject({ txPackets: 1, txDropped: 1 })
  })

  it('keeps no bytes of the batch that was transmitted', async () => {
    const [a, b] = createDevicePair()
    const sent = batchOf(Uint8Array.of(1))
    await a.transmit(sent)
    sent.buffer.fill(0xff)
    const batch = new PacketBatch()
    await b.receive(batch)
    expect([...batch].map(hex)).toEqual(['01'])
  })

  it('says that a packet is too long for the batch, and never that the other end is closed', async () => {
    const [a, b] = createDevicePair()
    await a.transmit(batchOf(new Uint8Array(100)))
    await expect(b.receive(new PacketBatch({ buffer: new Uint8Array(64) }))).rejects.toMatchObject({
      code: 'TOO_LONG',
    })
  })
})

describe('createCollector', () => {
  it('keeps what is transmitted', async () => {
    const collector = createCollector({ name: 'out' })
    const batch = new PacketBatch()
    batch.push(Uint8Array.of(1, 2), { seconds: 3, nanos: 4 })
    await collector.transmit(batch)
    batch.buffer.fill(0)
    expect(collector.packets).toEqual([
      {
        data: Uint8Array.of(1, 2),
        seconds: 3,
        nanos: 4,
        originalLength: 2,
        interfaceId: 0,
        linkType: LINKTYPE.ETHERNET,
      },
    ])
    expect(await collector.receive(batch)).toBe(0)
    await collector.close()
    await expect(collector.transmit(batch)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
