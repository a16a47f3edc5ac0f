import { describe, expect, it } from 'vitest'
import { PcapError, parseCapture, readCapture, timestamp } from './index.ts'
import { createClock } from './pcapng-time.ts'

type Part = { u16: number } | { u32: number } | { u64: bigint } | { bytes: number[] }

function write(littleEndian: boolean, parts: readonly Part[]): Uint8Array {
  const bytes: number[] = []
  for (const part of parts) {
    const view = new DataView(new ArrayBuffer(8))
    if ('bytes' in part) bytes.push(...part.bytes)
    else if ('u16' in part) view.setUint16(0, part.u16, littleEndian)
    else if ('u32' in part) view.setUint32(0, part.u32, littleEndian)
    else view.setBigUint64(0, BigInt.asUintN(64, part.u64), littleEndian)
    const size = 'bytes' in part ? 0 : 'u16' in part ? 2 : 'u32' in part ? 4 : 8
    bytes.push(...new Uint8Array(view.buffer, 0, size))
  }
  return Uint8Array.from(bytes)
}

/** Blocks in one byte order, for tests that no encoder would write. */
function blocks(littleEndian: boolean) {
  const block = (type: number, ...parts: Part[]) => {
    const body = write(littleEndian, parts)
    const length = { u32: body.length + 12 }
    return [...write(littleEndian, [{ u32: type }, length, { bytes: [...body] }, length])]
  }
  const option = (code: number, ...value: number[]): Part => ({
    bytes: [
      ...write(littleEndian, [{ u16: code }, { u16: value.length }]),
      ...value,
      ...new Array<number>((4 - (value.length % 4)) % 4).fill(0),
    ],
  })
  return {
    block,
    option,
    section: (major = 1, minor = 0) =>
      block(0x0a0d0d0a, { u32: 0x1a2b3c4d }, { u16: major }, { u16: minor }, { u64: -1n }),
    interface: (linkType: number, snapLength = 0, ...options: Part[]) =>
      block(1, { u16: linkType }, { u16: 0 }, { u32: snapLength }, ...options),
    enhanced: (id: number, time: bigint, data: number[], ...options: Part[]) =>
      block(
        6,
        { u32: id },
        { u32: Number(time >> 32n) },
        { u32: Number(time & 0xffff_ffffn) },
        { u32: data.length },
        { u32: data.length },
        { bytes: [...data, ...new Array<number>((4 - (data.length % 4)) % 4).fill(0)] },
        ...options,
      ),
  }
}

const parse = (...parts: number[][]) => [...parseCapture(Uint8Array.from(parts.flat()))]
const failure = (...parts: number[][]) => {
  try {
    parse(...parts)
  } catch (error) {
    expect(error).toBeInstanceOf(PcapError)
    return error as PcapError
  }
  throw new Error('it did not fail')
}

describe.each([true, false])('pcapng, little-endian %s', (littleEndian) => {
  const b = blocks(littleEndian)
  const begin = [b.section(), b.interface(1)]

  it('reads packet blocks of all three kinds', () => {
    const time = 1_700_000_000_123_456n
    const obsolete = b.block(
      2,
      { u16: 0 },
      { u16: 7 },
      { u32: Number(time >> 32n) },
      { u32: Number(time & 0xffff_ffffn) },
      { u32: 3 },
      { u32: 9 },
      { bytes: [4, 5, 6, 0] },
    )
    const simple = b.block(3, { u32: 2 }, { bytes: [7, 8, 0, 0] })
    const [enhanced, old, plain] = parse(
      ...begin,
      b.enhanced(0, time, [1, 2, 3], b.option(1, 65), b.option(0)),
      obsolete,
      simple,
    )
    expect(enhanced).toMatchObject({
      data: Uint8Array.of(1, 2, 3),
      seconds: 1_700_000_000,
      nanos: 123_456_000,
      originalLength: 3,
    })
    expect(old).toMatchObject({
      data: Uint8Array.of(4, 5, 6),
      seconds: 1_700_000_000,
      nanos: 123_456_000,
      originalLength: 9,
    })
    expect(plain).toMatchObject({ data: Uint8Array.of(7, 8), seconds: 0, nanos: 0, originalLength: 2 })
  })

  it('takes of a simple packet what the interface captures', () => {
    const simple = b.block(3, { u32: 1000 }, { bytes: [1, 2, 3, 4] })
    expect(parse(b.section(), b.interface(1, 3), simple)[0]).toMatchObject({
      data: Uint8Array.of(1, 2, 3),
      originalLength: 1000,
    })
  })

  it.each([
    [[3], 1_700_000_000_123n, 1_700_000_000_123_000_000n],
    [[6], 1_700_000_000_123_456n, 1_700_000_000_123_456_000n],
    [[9], 1_700_000_000_123_456_789n, 1_700_000_000_123_456_789n],
    [[12], 1_700_000_123_456_789_999n, 1_700_000_123_456_789n],
    [[0], 1_700_000_000n, 1_700_000_000_000_000_000n],
    [[0x80 + 10], 1_700_000_000n * 1024n + 512n, 1_700_000_000_500_000_000n],
    [[0x80 + 32], (1_700_000_000n << 32n) + (1n << 30n), 1_700_000_000_250_000_000n],
  ])('reads timestamps of resolution %j', (resolution, raw, nanos) => {
    const described = b.interface(1, 0, b.option(9, ...resolution), b.option(0))
    expect(timestamp(parse(b.section(), described, b.enhanced(0, raw, [1]))[0]!)).toBe(nanos)
  })

  it('adds the offset of the interface', () => {
    const offset = [...write(littleEndian, [{ u64: -3600n }])]
    const described = b.interface(1, 0, b.option(14, ...offset))
    expect(parse(b.section(), described, b.enhanced(0, 5_000_000_000n, [1]))[0]!.seconds).toBe(5000 - 3600)
  })

  it('reads several sections, of either byte order, with interfaces of their own', () => {
    const other = blocks(!littleEndian)
    const records = parse(
      b.section(),
      b.interface(1),
      b.interface(101),
      b.enhanced(1, 0n, [1]),
      other.section(),
      other.interface(276),
      other.enhanced(0, 0n, [2]),
      b.section(),
      b.interface(113),
      b.enhanced(0, 0n, [3]),
    )
    expect(records.map((r) => [r.data[0], r.interfaceId, r.linkType])).toEqual([
      [1, 1, 101],
      [2, 2, 276],
      [3, 3, 113],
    ])
    expect(failure(...begin, other.section(), other.enhanced(0, 0n, [1])).code).toBe('PCAP_INTERFACE')
  })

  it('passes over other blocks, however long, without keeping them', async () => {
    const long = b.block(0xbad, { bytes: new Array<number>(60_000).fill(0) })
    const bytes = Uint8Array.from([...begin, long, b.enhanced(0, 0n, [1])].flat())
    expect([...parseCapture(bytes)].length).toBe(1)
    let at = 0
    let asked = 0
    const source = {
      read(into: Uint8Array) {
        asked = Math.max(asked, into.length)
        const part = bytes.subarray(at, at + into.length)
        into.set(part)
        at += part.length
        return part.length
      },
    }
    const records = []
    for await (const record of readCapture(source, { chunkSize: 256 })) records.push(record)
    expect(records.length).toBe(1)
    expect(asked).toBe(256)
  })

  it('refuses blocks that contradict themselves, with the place', () => {
    const place = begin.flat().length
    const packet = b.enhanced(0, 0n, [1, 2, 3, 4])
    const changed = (at: number, value: number) => {
      const bytes = Uint8Array.from(packet)
      new DataView(bytes.buffer).setUint32(at, value, littleEndian)
      return [...bytes]
    }
    for (const [code, parts] of [
      ['PCAP_BLOCK', changed(4, 30)],
      ['PCAP_BLOCK', changed(4, 8)],
      ['PCAP_BLOCK', changed(packet.length - 4, 40)],
      ['PCAP_BLOCK', changed(20, 8)],
      ['PCAP_LENGTH', changed(20, 1_000_000)],
      ['PCAP_LENGTH', changed(4, 0x1000_0000)],
      ['PCAP_INTERFACE', changed(8, 1)],
      ['PCAP_BLOCK', b.block(6, { u32: 0 })],
      ['PCAP_BLOCK', b.block(1, { u32: 0 })],
      ['PCAP_BLOCK', b.interface(1, 0, { u16: 2 }, { u16: 5 }, { u32: 0 })],
      ['PCAP_TRUNCATED', packet.slice(0, 10)],
      ['PCAP_TRUNCATED', packet.slice(0, 35)],
    ] as const) {
      expect(failure(...begin, parts)).toMatchObject({ code, offset: place })
      expect(failure(...begin, packet, parts)).toMatchObject({ code, offset: place + packet.length })
    }
    expect(failure(...begin, b.block(0xbad, { u32: 1 }).slice(0, 13))).toMatchObject({
      code: 'PCAP_TRUNCATED',
    })
  })

  it('refuses a section header that is none', () => {
    const bad = b.section()
    bad[8] = 0
    expect(failure(bad)).toMatchObject({ code: 'PCAP_MAGIC', offset: 8 })
    expect(failure(b.section(2))).toMatchObject({ code: 'PCAP_VERSION', offset: 12 })
    expect(failure(b.block(0x0a0d0d0a, { u32: 0x1a2b3c4d }, { u32: 1 }))).toMatchObject({
      code: 'PCAP_BLOCK',
      offset: 0,
    })
    expect(failure(...begin, bad)).toMatchObject({ code: 'PCAP_MAGIC', offset: begin.flat().length + 8 })
  })

  it('bounds the number of interfaces', () => {
    const many = new Array<number[]>(65_537).fill(b.interface(1))
    expect(failure(b.section(), many.flat())).toMatchObject({ code: 'PCAP_INTERFACE' })
  })
})

describe('createClock', () => {
  it('is exact to the last tick, in any order of timestamps', () => {
    const clock = createClock(9)
    for (const value of [
      0n,
      999_999_999n,
      1_000_000_000n,
      2n ** 64n - 1n,
      5n,
      1_700_000_000_999_999_999n,
      1_700_000_001_000_000_000n,
      1_699_999_999_999_999_999n,
    ]) {
      const seconds = clock.seconds(Number(value >> 32n), Number(value & 0xffff_ffffn))
      expect(BigInt(seconds) * 1_000_000_000n + BigInt(clock.nanos)).toBe(value)
    }
  })
})
