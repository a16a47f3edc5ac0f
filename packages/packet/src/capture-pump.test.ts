import { describe, expect, it } from 'vitest'
import { buildPacket, type LayerInput } from './build-packet.ts'
import { parseCapture } from './capture.ts'
import { CapturePump, type PumpMemory, type PumpOptions, type PumpTally } from './capture-pump.ts'
import { encodeCapture, type PacketToWrite } from './encoder.ts'
import { PcapError } from './errors.ts'
import { LINKTYPE } from './link-type.ts'
import type { PacketRecord } from './record.ts'
import { summarize } from './summarize.ts'

/** Hands out memory and takes it back; tells what is out. */
class TestMemory implements PumpMemory {
  readonly memory = new WebAssembly.Memory({ initial: 64 })
  readonly shared = false
  readonly u8 = new Uint8Array(this.memory.buffer)
  readonly u32 = new Uint32Array(this.memory.buffer)
  readonly view = new DataView(this.memory.buffer)
  readonly live = new Set<number>()
  #top = 1024

  alloc(size: number, align = 16): number {
    const at = (this.#top + align - 1) & -align
    this.#top = at + size
    if (this.#top > this.u8.length) throw new Error('the test has no more memory')
    this.live.add(at)
    this.u8.fill(0, at, at + size)
    return at
  }

  free(address: number): void {
    if (!this.live.delete(address)) throw new Error(`${address} is not allocated`)
  }
}

const DATA = 0
const DATA_END = 4
const ORIGINAL = 8
const PROTOCOL = 12
const BELOW = 16

const context: PumpOptions['context'] = {
  template: Uint8Array.from({ length: 48 }, (_, i) => i),
  below: BELOW,
  fields: [
    [DATA, 'data'],
    [DATA_END, 'dataEnd'],
    [ORIGINAL, 'originalLength'],
    [PROTOCOL, 'protocol'],
  ],
}

/** What a packet's bytes say, so that any path comes to the same. */
const verdictOf = (data: Uint8Array): number => (data.length * 7 + (data[20] ?? 0)) % 5
/** Verdicts 0 to 4 as lengths: nothing, a part, more than there is. */
const keptOf = (verdict: number): number => [0, 20, 1000, 0, 0x8000_0000][verdict]!

interface Outcome {
  readonly tally: PumpTally
  readonly written: Uint8Array
  readonly unusual: number[]
  readonly error?: unknown
}

async function pump(
  bytes: Uint8Array,
  by: 'length' | 'action',
  chunkSize: number,
  batchSize: number,
): Promise<Outcome> {
  const memory = new TestMemory()
  const pieces: Uint8Array[] = []
  const unusual: number[] = []
  const runner = new CapturePump({
    memory,
    context,
    verdicts: by === 'length' ? 'length' : { keep: 2, plain: [1, 3] },
    chunkSize,
    batchSize,
    run(contexts, count, results) {
      const { u8, u32 } = memory
      expect(count).toBeLessThanOrEqual(batchSize)
      for (let i = 0; i < count; i++) {
        const at = u32[(contexts >> 2) + i]!
        const data = u8.subarray(u32[(at + DATA) >> 2]!, u32[(at + DATA_END) >> 2]!)
        // What does not depend on the packet is as it was given, whatever became of it in the batch before.
        expect([...u8.subarray(at - BELOW, at)]).toEqual([...context.template.subarray(0, BELOW)])
        expect(u8[at + 16]).toBe(32)
        u8[at + 16] = u8[at - 1] = 99
        if (data.length >= 14) expect(u32[(at + PROTOCOL) >> 2]).toBe(data[12]! | (data[13]! << 8))
        expect(u32[(at + ORIGINAL) >> 2]).toBeGreaterThanOrEqual(data.length)
        const verdict = verdictOf(data)
        u32[(results >> 2) + i] = by === 'length' ? keptOf(verdict) : verdict
      }
    },
    unusual: (verdict) => unusual.push(verdict),
    sink: { write: (piece) => void pieces.push(piece.slice()) },
  })
  let read = 0
  const source = {
    read(into: Uint8Array) {
      const size = Math.min(into.length, bytes.length - read, chunkSize)
      into.set(bytes.subarray(read, read + size))
      read += size
      return size
    },
  }
  let error: unknown
  await runner.run(source).catch((thrown) => {
    error = thrown
  })
  expect(memory.live.size).toBe(0)
  const written = new Uint8Array(Buffer.concat(pieces))
  return { tally: runner.tally, written, unusual, ...(error === undefined ? {} : { error }) }
}

/** The same by the scanners alone. */
function expected(bytes: Uint8Array, by: 'length' | 'action') {
  const packets: PacketRecord[] = []
  let error: unknown
  let leftOut = 0
  let interfaces: ReturnType<typeof parseCapture>['interfaces'] = []
  try {
    const capture = parseCapture(bytes)
    for (const record of capture) {
      interfaces = capture.interfaces
      if (record.linkType === interfaces[0]!.linkType) packets.push(record)
      else leftOut++
    }
    interfaces = capture.interfaces
  } catch (thrown) {
    error = thrown
  }
  const protocols: Record<string, number[]> = {}
  const kept: PacketToWrite[] = []
  const unusual: number[] = []
  for (const record of packets) {
    const verdict = verdictOf(record.data)
    const length = by === 'length' ? keptOf(verdict) : verdict === 2 ? record.data.length : 0
    const row: number[] = (protocols[summarize(record.data, record.linkType)] ??= new Array(8).fill(0))
    const column = by === 'length' ? Number(length > 0) : verdict
    row[column] = row[column]! + 1
    if (by === 'action' && (verdict === 0 || verdict === 4)) unusual.push(verdict)
    if (by === 'length' ? length > 0 : verdict === 2) {
      kept.push({ ...record, data: record.data.subarray(0, length), interfaceId: 0 })
    }
  }
  const bytesRead = packets.reduce((sum, { data }) => sum + data.length, 0)
  return { packets: packets.length, bytes: bytesRead, leftOut, protocols, kept, unusual, interfaces, error }
}

async function same(bytes: Uint8Array, chunkSize: number, batchSize: number): Promise<number> {
  let compared = 0
  for (const by of ['length', 'action'] as const) {
    const wanted = expected(bytes, by)
    const { tally, written, unusual, error } = await pump(bytes, by, chunkSize, batchSize)
    expect(error).toEqual(wanted.error)
    const { packets, bytes: read, leftOut } = tally
    expect({ packets, read, leftOut }).toEqual({
      packets: wanted.packets,
      read: wanted.bytes,
      leftOut: wanted.leftOut,
    })
    expect(Object.fromEntries([...tally.protocols].sort())).toEqual(
      Object.fromEntries(Object.entries(wanted.protocols).sort()),
    )
    expect(unusual).toEqual(wanted.unusual)
    const [first] = wanted.interfaces
    if (first)
      expect(Buffer.from(written)).toEqual(Buffer.from(encodeCapture(wanted.kept, { interfaces: [first] })))
    expect(tally.bytesWritten).toBe(written.length)
    compared += packets
  }
  return compared
}

/** The same numbers in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

const ethernet: LayerInput = { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' }
const ip4: LayerInput = { layer: 'ipv4', src: '198.51.100.9', dst: '203.0.113.77' }
const ip6: LayerInput = { layer: 'ipv6', src: '2001:db8::1', dst: '2001:db8::2' }
const udp: LayerInput = { layer: 'udp', srcPort: 1, dstPort: 2 }
const kinds: readonly (readonly LayerInput[])[] = [
  [ethernet, ip4, udp],
  [ethernet, ip6, udp],
  [ethernet, ip4, { layer: 'tcp', srcPort: 1, dstPort: 2 }],
  [ethernet, { layer: 'vlan', id: 3 }, ip4, udp],
  [ethernet, { ...ip4, fragmentOffset: 8, protocol: 17 } as LayerInput],
  [ethernet, { ...ip4, protocol: 2 } as LayerInput],
  [ethernet, ip6, { layer: 'icmpv6', type: 128, code: 0 }],
  [ethernet, ip4, { layer: 'icmp', type: 8, code: 0 }],
  [ethernet, { layer: 'arp', senderIp: '192.0.2.1', targetIp: '192.0.2.2' }],
]

function randomPackets(
  random: (limit: number) => number,
  count: number,
  interfaces: number,
): PacketToWrite[] {
  return Array.from({ length: count }, () => {
    const layers = kinds[random(kinds.length)]!
    const payload: LayerInput = {
      layer: 'payload',
      data: Uint8Array.from({ length: random(90) }, () => random(256)),
    }
    const whole = buildPacket([...layers, payload])
    const data = random(6) === 0 ? whole.subarray(0, random(whole.length + 1)) : whole
    return {
      data,
      originalLength: whole.length,
      seconds: 1_700_000_000 + random(3),
      nanos: random(1_000_000) * 1000,
      interfaceId: random(interfaces),
    }
  })
}

/** A pcapng capture with blocks of every kind; `swap`: in the other byte order. */
function mixedBlocks(random: (limit: number) => number, count: number): Uint8Array {
  const parts: Uint8Array[] = []
  const block = (type: number, body: Uint8Array): void => {
    const padded = (body.length + 3) & ~3
    const bytes = new Uint8Array(12 + padded)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, type, true)
    view.setUint32(4, bytes.length, true)
    bytes.set(body, 8)
    view.setUint32(bytes.length - 4, bytes.length, true)
    parts.push(bytes)
  }
  const section = (little: boolean): void => {
    const interfaces = [LINKTYPE.ETHERNET, LINKTYPE.RAW, LINKTYPE.ETHERNET].map((linkType) => ({
      linkType,
      snapLength: 0,
    }))
    parts.push(
      encodeCapture(randomPackets(random, count, 3), { format: 'pcapng', interfaces, littleEndian: little }),
    )
  }
  section(true)
  // An interface in units of 2^-20 seconds, and one that counts from another second on.
  const described = (...options: number[]): Uint8Array =>
    Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, ...options])
  block(1, described(9, 0, 1, 0, 0x94, 0, 0, 0))
  block(1, described(14, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0))
  for (let i = 0; i < count; i++) {
    const [packet] = randomPackets(random, 1, 1)
    const data = packet!.data
    const word = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
    const join = (head: Uint8Array): Uint8Array => Uint8Array.from([...head, ...data])
    const kind = random(5)
    if (kind === 0) block(3, join(word(data.length)))
    else if (kind === 1) block(2, join(word(3, 1, random(1 << 30), data.length, data.length)))
    else if (kind === 2) block(0xbad, new Uint8Array(random(300)))
    else block(6, join(word(3 + random(2), random(400), random(1 << 30), data.length, data.length + 3)))
  }
  section(false)
  section(true)
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

describe('CapturePump', () => {
  it.each([
    ['little-endian', true, false],
    ['big-endian', false, false],
    ['nanoseconds', true, true],
  ])('gives what the scanners give of pcap: %s', async (_, littleEndian, nanos) => {
    const random = numbers(1)
    const packets = randomPackets(random, 150, 1)
    const bytes = encodeCapture(packets, { littleEndian, nanos })
    for (const [chunk, batch] of [
      [64, 1],
      [700, 7],
      [1 << 18, 256],
    ] as const) {
      expect(await same(bytes, chunk, batch)).toBe(300)
    }
  })

  it('gives what the scanners give of pcapng', async () => {
    const random = numbers(2)
    const bytes = mixedBlocks(random, 60)
    for (const [chunk, batch] of [
      [64, 2],
      [500, 5],
      [1 << 18, 256],
    ] as const) {
      expect(await same(bytes, chunk, batch)).toBeGreaterThan(200)
    }
  })

  it('keeps simple packet blocks that fill the file, each with fewer bytes before it than a record of pcap', async () => {
    const random = numbers(3)
    const packets = randomPackets(random, 1, 1)
    const head = encodeCapture(packets, { format: 'pcapng' })
    const data = Uint8Array.from({ length: 60 }, (_, i) => i)
    const simple = Uint8Array.from([...[3, 0, 0, 0, 76, 0, 0, 0, 60, 0, 0, 0], ...data, ...[76, 0, 0, 0]])
    const bytes = Uint8Array.from([...head, ...Array.from({ length: 100 }, () => [...simple]).flat()])
    for (const chunk of [64, 300, 1 << 16]) await same(bytes, chunk, 16)
  })

  it('fails where the scanners fail, with the packets before delivered', async () => {
    const random = numbers(4)
    const captures = [
      encodeCapture(randomPackets(random, 20, 1)),
      encodeCapture(randomPackets(random, 20, 1), { littleEndian: false }),
      mixedBlocks(random, 8),
    ]
    let failed = 0
    for (let i = 0; i < 60; i++) {
      const bytes = captures[i % captures.length]!.slice()
      if (random(3) === 0) bytes[random(bytes.length)] = random(256)
      const cut = bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length)
      if (expected(cut, 'length').error instanceof PcapError) failed++
      await same(cut, 64 + random(2000), 1 + random(9))
    }
    expect(failed).toBeGreaterThan(10)
  })

  it('grows for a record that is longer than its buffer', async () => {
    const data = buildPacket([ethernet, ip4, udp, { layer: 'payload', data: new Uint8Array(9000) }])
    expect(await same(encodeCapture([{ data }, { data }]), 64, 4)).toBe(4)
  })

  it('stops when it is told to', async () => {
    const memory = new TestMemory()
    const packets = randomPackets(numbers(5), 100, 1)
    const runner: CapturePump = new CapturePump({
      memory,
      context,
      verdicts: 'length',
      batchSize: 10,
      run: () => runner.stop(),
    })
    const { packets: done } = await runner.run(encodeCapture(packets))
    expect(done).toBe(10)
    expect(memory.live.size).toBe(0)
  })

  it('refuses contexts and batches that make no sense', () => {
    const options = { memory: new TestMemory(), verdicts: 'length', run: () => {} } as const
    const short = { ...context, template: new Uint8Array(8) }
    expect(() => new CapturePump({ ...options, context: short })).toThrow(
      'a context of 8 bytes; give a template of a multiple of 16 bytes',
    )
    expect(() => new CapturePump({ ...options, context, batchSize: 0 })).toThrow('batchSize is 0')
  })
})
