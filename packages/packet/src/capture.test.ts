import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasTcpdump, tcpdump, traffic, trafficNg } from '../test/traffic.ts'
import {
  type CaptureInterface,
  encodeCapture,
  LINKTYPE,
  openCapture,
  type PacketToWrite,
  PcapError,
  parseCapture,
  parsePcap,
  parsePcapng,
  readCapture,
  timestamp,
  type WriteOptions,
} from './index.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const failure = (body: () => unknown) => {
  try {
    body()
  } catch (error) {
    expect(error).toBeInstanceOf(PcapError)
    return error as PcapError
  }
  throw new Error('it did not fail')
}

describe('parseCapture', () => {
  it('reads the capture recorded', () => {
    const capture = parseCapture(traffic)
    expect(capture.format).toBe('pcap')
    expect(capture.interfaces).toEqual([{ linkType: LINKTYPE.ETHERNET, snapLength: 262144 }])
    const records = [...capture]
    expect(records.length).toBeGreaterThan(3000)
    expect(records.every(({ data, originalLength }) => data.length === originalLength)).toBe(true)
    expect(records[0]!.data.buffer).toBe(traffic.buffer)
    const written = ({ data, ...rest }: (typeof records)[number]) => ({ ...rest, data: hex(data) })
    expect([...capture].map(written)).toEqual(records.map(written)) // as often as wanted
  })

  it('reads the same packets from the pcapng that editcap made of it', () => {
    const records = [...parseCapture(trafficNg)]
    const twin = [...parseCapture(traffic)].slice(0, 120)
    expect(parseCapture(trafficNg).format).toBe('pcapng')
    expect(records.length).toBe(120)
    expect(records.map((r) => [hex(r.data), timestamp(r), r.originalLength])).toEqual(
      twin.map((r) => [hex(r.data), timestamp(r), r.originalLength]),
    )
  })

  it.skipIf(!hasTcpdump)('reads what tcpdump reads (skipped without tcpdump)', () => {
    for (const capture of [traffic, trafficNg]) {
      const ours = [...parseCapture(capture)].map((r) => ({ time: timestamp(r), hex: hex(r.data) }))
      expect(ours).toEqual(tcpdump(capture))
    }
  })

  it('delivers the records before a bad one', () => {
    const bytes = encodeCapture([{ data: new Uint8Array(4) }, { data: new Uint8Array(5) }])
    new DataView(bytes.buffer).setUint32(24 + 20 + 8, 300_000, true)
    const seen: number[] = []
    const error = failure(() => {
      for (const { data } of parseCapture(bytes)) seen.push(data.length)
    })
    expect(seen).toEqual([4])
    expect(error).toMatchObject({ code: 'PCAP_LENGTH', offset: 44 })
    expect(error.message).toBe(
      'PCAP_LENGTH at offset 44: the record claims 300000 captured bytes, more than the limit of 262144',
    )
  })

  it('lets nanoseconds beyond a second count as seconds', () => {
    const bytes = encodeCapture([{ data: new Uint8Array(1), seconds: 5 }])
    new DataView(bytes.buffer).setUint32(28, 2_500_000_001, true)
    expect([...parseCapture(bytes)][0]).toMatchObject({ seconds: 7, nanos: 500_000_001 })
  })

  it('takes an ending inside a record as an error or, if told so, as the end', () => {
    const options: WriteOptions[] = [{ format: 'pcap' }, { format: 'pcapng' }]
    for (const option of options) {
      const whole = encodeCapture([{ data: new Uint8Array(20) }, { data: new Uint8Array(8) }], option)
      const second =
        whole.length -
        encodeCapture([{ data: new Uint8Array(8) }], option).length +
        encodeCapture([], option).length
      for (let length = second + 1; length < whole.length; length++) {
        const cut = whole.subarray(0, length)
        expect(failure(() => [...parseCapture(cut)])).toMatchObject({
          code: 'PCAP_TRUNCATED',
          offset: second,
        })
        expect([...parseCapture(cut, { tolerateTruncation: true })].length).toBe(1)
      }
    }
  })

  it('does not take anything for a capture', () => {
    expect(failure(() => parseCapture(new Uint8Array(0)))).toMatchObject({
      code: 'PCAP_TRUNCATED',
      offset: 0,
    })
    expect(failure(() => parseCapture(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)))).toMatchObject({
      code: 'PCAP_MAGIC',
      offset: 0,
    })
    for (const bytes of [traffic, trafficNg]) {
      const error = failure(() => parseCapture(bytes.subarray(0, 20), { tolerateTruncation: true }))
      expect(error).toMatchObject({ code: 'PCAP_TRUNCATED', offset: 0 })
    }
    expect(failure(() => parsePcapng(traffic)).code).toBe('PCAP_MAGIC')
    expect(failure(() => parsePcap(trafficNg)).code).toBe('PCAP_MAGIC')
    const old = traffic.slice(0, 24)
    old[4] = 1
    expect(failure(() => parseCapture(old))).toMatchObject({ code: 'PCAP_VERSION', offset: 4 })
  })
})

const packets = fc.array(
  fc.record({
    data: fc.uint8Array({ maxLength: 300 }),
    seconds: fc.nat(0xffff_ffff),
    nanos: fc.nat(999_999_999),
    originalLength: fc.nat(0xffff_ffff),
    interfaceId: fc.nat(2),
  }),
  { maxLength: 20 },
)
const interfaces: CaptureInterface[] = [
  { linkType: LINKTYPE.ETHERNET, snapLength: 0, name: 'eth0' },
  { linkType: LINKTYPE.RAW, snapLength: 65535, description: 'a tunnel, dépêché' },
  { linkType: LINKTYPE.LINUX_SLL2, snapLength: 96, name: 'any', description: 'all of them' },
]
const formats = fc.record({
  format: fc.constantFrom('pcap', 'pcapng'),
  nanos: fc.boolean(),
  littleEndian: fc.boolean(),
})

describe('a capture written', () => {
  const expected = (list: readonly PacketToWrite[], options: WriteOptions) =>
    list.map((packet) => {
      const interfaceId = options.format === 'pcap' ? 0 : packet.interfaceId!
      const nanos =
        options.format === 'pcap' && !options.nanos ? packet.nanos! - (packet.nanos! % 1000) : packet.nanos
      return { ...packet, nanos, interfaceId, linkType: options.interfaces![interfaceId]!.linkType }
    })

  it('reads as it was, whatever the format, byte order, unit and size of chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        packets,
        formats,
        fc.array(fc.integer({ min: 0, max: 70 }), { minLength: 1 }),
        async (list, format, sizes) => {
          const options: WriteOptions = {
            ...format,
            interfaces: format.format === 'pcap' ? [interfaces[0]!] : interfaces,
          }
          const bytes = encodeCapture(list, options)
          const plain = (record: object & { data: Uint8Array }) => ({ ...record, data: hex(record.data) })
          const wanted = expected(list, options).map(plain)
          const capture = parseCapture(bytes)
          expect([...capture].map(plain)).toEqual(wanted)
          if (format.format === 'pcapng') expect(capture.interfaces).toEqual(interfaces)

          const chunks = function* () {
            for (let at = 0, i = 0; at < bytes.length; i++) {
              const size = sizes[i % sizes.length]! + (i % sizes.length === 0 ? 1 : 0)
              yield bytes.subarray(at, at + size)
              at += size
            }
          }
          const read = []
          for await (const record of readCapture(chunks(), { chunkSize: 64 })) read.push(plain(record))
          expect(read).toEqual(wanted)
        },
      ),
      { numRuns: 300 },
    )
  })

  it.skipIf(!hasTcpdump)('reads in tcpdump as it was (skipped without tcpdump)', () => {
    const records = [...parseCapture(traffic)]
      .slice(0, 50)
      .map((record, i) => ({ ...record, nanos: record.nanos + i }))
    for (const format of ['pcap', 'pcapng'] as const) {
      for (const littleEndian of [true, false]) {
        const seen = tcpdump(encodeCapture(records, { format, littleEndian }))
        expect(seen).toEqual(records.map((r) => ({ time: timestamp(r), hex: hex(r.data) })))
      }
    }
  })

  it('is refused where the format has no room', () => {
    const packet = { data: new Uint8Array(1), seconds: 2 ** 32 }
    expect(() => encodeCapture([packet])).toThrow('BAD_FIELD: seconds: pcap has 32 bits for seconds')
    expect([...parseCapture(encodeCapture([packet], { format: 'pcapng' }))][0]!.seconds).toBe(2 ** 32)
    expect(() => encodeCapture([{ ...packet, seconds: 2 ** 35 }], { format: 'pcapng' })).toThrow(
      'BAD_FIELD: seconds',
    )
    expect(() => encodeCapture([{ ...packet, interfaceId: 1 }], { format: 'pcapng' })).toThrow(
      'BAD_FIELD: interfaceId',
    )
    expect(() => encodeCapture([], { interfaces })).toThrow(
      'BAD_FIELD: interfaces: pcap has one interface, not 3',
    )
  })
})

describe('readCapture', () => {
  it('reads from a web stream and an async iterable', async () => {
    const wanted = [...parseCapture(traffic)].map((record) => hex(record.data))
    const stream = new Blob([traffic as Uint8Array<ArrayBuffer>]).stream()
    const read = []
    for await (const { data } of readCapture(stream)) read.push(hex(data))
    expect(read).toEqual(wanted)

    async function* halves() {
      yield traffic.subarray(0, 500_000)
      yield traffic.subarray(500_000)
    }
    read.length = 0
    for await (const { data } of readCapture(halves())) read.push(hex(data))
    expect(read).toEqual(wanted)
  })

  it('gives records that stay when the next ones come', async () => {
    const records = []
    for await (const record of readCapture([traffic], { chunkSize: 4096 })) records.push(record)
    expect(records.map(({ data }) => hex(data))).toEqual(
      [...parseCapture(traffic)].map(({ data }) => hex(data)),
    )
  })

  it('closes the source when the reader stops early, and when the capture is none', async () => {
    let closed = 0
    const source = (bytes: Uint8Array) => {
      let at = 0
      return {
        read: (into: Uint8Array) => {
          const part = bytes.subarray(at, at + into.length)
          into.set(part)
          at += part.length
          return part.length
        },
        close: () => void closed++,
      }
    }
    for await (const record of readCapture(source(traffic))) if (record) break
    expect(closed).toBe(1)
    await expect(openCapture(source(new Uint8Array(100)))).rejects.toMatchObject({ code: 'PCAP_MAGIC' })
    expect(closed).toBe(2)
    const reader = await openCapture(source(traffic))
    await reader.close()
    await reader.close()
    expect(closed).toBe(3)
  })
})
