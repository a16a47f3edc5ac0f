import { describe, expect, it } from 'vitest'
import { traffic, trafficNg } from '../test/traffic.ts'
import {
  encodeCapture,
  LINKTYPE,
  openCapture,
  PacketBatch,
  PacketError,
  PcapError,
  parseCapture,
  parsePacket,
  readCapture,
  summarize,
} from './index.ts'

/** mulberry32: the same numbers every time. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) % 0x1_0000_0000) % below
  }
}

const extremes = [
  0, 1, 3, 7, 8, 11, 12, 15, 16, 0x7f, 0xff, 0xffff, 0x10000, 262_144, 262_145, 0x7fff_ffff, 0xffff_ffff,
]

function mutate(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  let result = bytes.slice()
  for (let changes = 1 + next(4); changes > 0 && result.length > 8; changes--) {
    const at = next(result.length)
    const kind = next(6)
    if (kind === 0) result[at] = next(256)
    else if (kind === 1) result[at]! ^= 1 << next(8)
    else if (kind === 2) result = result.slice(0, at)
    else if (kind === 3)
      result = Uint8Array.from([...result.subarray(0, at), ...result.subarray(at + next(40))])
    else if (kind === 4) {
      const from = next(result.length)
      result = Uint8Array.from([
        ...result.subarray(0, at),
        ...result.subarray(from, from + next(100)),
        ...result.subarray(at),
      ])
    } else if (at + 4 <= result.length) {
      new DataView(result.buffer).setUint32(at & ~3, extremes[next(extremes.length)]!, next(2) === 0)
    }
  }
  return result
}

const records = [...parseCapture(traffic)].slice(0, 14)
const interfaces = [
  { linkType: LINKTYPE.ETHERNET, snapLength: 0, name: 'eth0' },
  { linkType: LINKTYPE.RAW, snapLength: 96 },
]
const originals = [true, false].flatMap((littleEndian) => [
  encodeCapture(records, { littleEndian }),
  encodeCapture(records, { littleEndian, nanos: false }),
  encodeCapture(
    records.map((record, i) => ({ ...record, interfaceId: i % 2 })),
    { format: 'pcapng', littleEndian, interfaces },
  ),
])
originals.push(trafficNg.slice(0, 3000))

/** What a reader makes of a capture: how many packets, their bytes in all, and the error that ended it. */
interface Reading {
  packets: number
  bytes: number
  error?: string
}

function finished(reading: Reading, error: unknown): Reading {
  // Any other error is a defect, and fails the test as it is.
  if (!(error instanceof PcapError)) throw error
  expect(error.message).toMatch(/^PCAP_[A-Z]+ at offset \d+: [^\n]+$/)
  reading.error = `${error.code} ${error.offset}`
  return reading
}

function readMemory(bytes: Uint8Array): Reading {
  const reading: Reading = { packets: 0, bytes: 0 }
  try {
    for (const { data, linkType } of parseCapture(bytes)) {
      reading.packets++
      reading.bytes += data.length
      parsePacket(data, linkType)
      summarize(data, linkType)
    }
    return reading
  } catch (error) {
    return finished(reading, error)
  }
}

function source(bytes: Uint8Array, step: number, ask: (size: number) => void) {
  let at = 0
  return {
    read(into: Uint8Array) {
      ask(into.length)
      const part = bytes.subarray(at, at + Math.min(step, into.length))
      into.set(part)
      at += part.length
      return part.length
    },
  }
}

async function readStream(bytes: Uint8Array, step: number, ask: (size: number) => void): Promise<Reading> {
  const reading: Reading = { packets: 0, bytes: 0 }
  try {
    for await (const { data } of readCapture(source(bytes, step, ask), { chunkSize: 128 })) {
      reading.packets++
      reading.bytes += data.length
    }
    return reading
  } catch (error) {
    return finished(reading, error)
  }
}

async function readBatches(
  bytes: Uint8Array,
  batch: PacketBatch,
  ask: (size: number) => void,
): Promise<Reading> {
  const reading: Reading = { packets: 0, bytes: 0 }
  try {
    const reader = await openCapture(source(bytes, 1000, ask), { chunkSize: 128 })
    while (await reader.readInto(batch)) {
      reading.packets += batch.count
      for (const packet of batch) reading.bytes += packet.length
    }
    return reading
  } catch (error) {
    expect(error).not.toBeInstanceOf(PacketError)
    return finished(reading, error)
  }
}

describe('a damaged capture', () => {
  it('gives its good packets and a typed error, the same from every reader, in bounded memory: 10,000 of them', async () => {
    const next = random(0x534b_4550)
    const batches = [
      new PacketBatch({ buffer: new Uint8Array(1 << 19), capacity: 7 }),
      new PacketBatch({ buffer: new Uint8Array(1 << 19), headroom: 64, align: 8 }),
    ]
    const outcomes = new Map<string, number>()
    for (let n = 0; n < 10_000; n++) {
      const bytes = mutate(originals[n % originals.length]!, next)
      let asked = 0
      const ask = (size: number) => {
        asked = Math.max(asked, size)
      }
      const reading = readMemory(bytes)
      expect(reading.bytes).toBeLessThanOrEqual(bytes.length)
      expect(await readStream(bytes, 1 + (n % 200), ask)).toEqual(reading)
      expect(await readBatches(bytes, batches[n % 2]!, ask)).toEqual(reading)
      // What is held grows with what came, not with what lengths claim.
      expect(asked).toBeLessThanOrEqual(2 * bytes.length + 128)
      const outcome = reading.error?.split(' ')[0] ?? 'none'
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    // The damage is of every kind.
    const kinds = [
      'PCAP_BLOCK',
      'PCAP_INTERFACE',
      'PCAP_LENGTH',
      'PCAP_MAGIC',
      'PCAP_TRUNCATED',
      'PCAP_VERSION',
      'none',
    ]
    expect([...outcomes.keys()].sort()).toEqual(kinds)
  }, 120_000)
})
