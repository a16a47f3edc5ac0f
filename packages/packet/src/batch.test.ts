import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { traffic, trafficNg } from '../test/traffic.ts'
import {
  createTables,
  encodeCapture,
  openCapture,
  PacketBatch,
  type PacketBatchOptions,
  parseCapture,
} from './index.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function* chunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** All packets of a capture through a batch; checks each batch's frames on the way. */
async function readAll(bytes: Uint8Array | Iterable<Uint8Array>, batch: PacketBatch, chunkSize?: number) {
  const reader = await openCapture(bytes, chunkSize ? { chunkSize } : {})
  const packets: string[] = []
  // `expect` for each frame would take most of the time.
  const misplaced: object[] = []
  let batches = 0
  while (await reader.readInto(batch)) {
    batches++
    let free = batch.start
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.tables.offsets[i]!
      const frame = offset - batch.headroom
      const end = Math.max(offset + batch.tables.lengths[i]! + batch.tailroom, frame + batch.frameSize)
      if (frame < free || frame % batch.align !== 0 || end > batch.end)
        misplaced.push({ i, frame, free, end })
      free = end
      packets.push(hex(batch.packet(i)))
    }
  }
  expect(misplaced).toEqual([])
  return { packets, batches }
}

const all = [...parseCapture(traffic)].map(({ data }) => hex(data))

describe('PacketBatch', () => {
  const layouts: PacketBatchOptions[] = [
    {},
    { headroom: 256 },
    { headroom: 256, tailroom: 64, align: 64 },
    { headroom: 256, frameSize: 3776 },
    { align: 4096 },
  ]
  it.each(layouts)(
    'takes a whole capture with %j, whatever the size of batches and chunks',
    async (layout) => {
      for (const size of [8192, 100_000, 2 << 20]) {
        for (const chunkSize of [3000, 1 << 20]) {
          const batch = new PacketBatch({ buffer: new Uint8Array(size), capacity: 500, ...layout })
          expect((await readAll(chunks(traffic, 10_000), batch, chunkSize)).packets).toEqual(all)
        }
      }
      const batch = new PacketBatch({ buffer: new Uint8Array(50_000), ...layout })
      expect((await readAll(trafficNg, batch)).packets).toEqual(all.slice(0, 120))
      expect((await readAll(trafficNg, batch)).packets).toEqual(all.slice(0, 120)) // it can be used again
    },
  )

  it('fills with as many packets as fit, not only those of one copy', async () => {
    const small = encodeCapture(Array.from({ length: 5000 }, () => ({ data: new Uint8Array(60) })))
    for (const layout of layouts.slice(0, 3)) {
      const batch = new PacketBatch({ buffer: new Uint8Array(4 << 20), capacity: 5000, ...layout })
      expect((await readAll(small, batch)).batches).toBe(1)
    }
  })

  it('keeps to its part of a buffer, such as a WebAssembly memory, and fills tables that lie there', async () => {
    const memory = new WebAssembly.Memory({ initial: 4 })
    const buffer = new Uint8Array(memory.buffer).fill(0xee)
    const tables = {
      ...createTables(64),
      offsets: new Uint32Array(memory.buffer, 0x10000, 64),
      lengths: new Uint32Array(memory.buffer, 0x10100, 64),
    }
    const batch = new PacketBatch({ buffer, start: 0x20000, end: 0x30000, tables, headroom: 32 })
    expect((await readAll(traffic, batch)).packets).toEqual(all)
    expect(batch.capacity).toBe(64)
    expect(new DataView(memory.buffer).getUint32(0x10000, true)).toBe(0x20020)
    for (const [from, to] of [
      [0, 0x10000],
      [0x10200, 0x20000],
      [0x30000, 0x40000],
    ]) {
      expect(buffer.subarray(from, to).every((byte) => byte === 0xee)).toBe(true)
    }
  })

  it('goes on in a memory that has grown', () => {
    const memory = new WebAssembly.Memory({ initial: 1 })
    const batch = new PacketBatch({ buffer: new Uint8Array(memory.buffer) })
    batch.push(Uint8Array.of(1, 2, 3))
    memory.grow(1)
    batch.rebase(new Uint8Array(memory.buffer))
    batch.push(Uint8Array.of(4))
    expect([...batch].map(hex)).toEqual(['010203', '04'])
  })

  it('says what is known of a packet', async () => {
    const batch = new PacketBatch()
    const reader = await openCapture(traffic)
    await reader.readInto(batch)
    const [first] = parseCapture(traffic)
    expect(batch.record(0, 1)).toEqual({ ...first, data: batch.packet(0) })
    expect(hex(batch.packet(0))).toBe(hex(first!.data))
    expect(() => batch.packet(batch.count)).toThrow(RangeError)
  })

  it('refuses what does not fit and changes nothing then', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(60), { maxLength: 12 }),
        fc.record({
          headroom: fc.nat(16),
          tailroom: fc.nat(16),
          frameSize: fc.nat(64),
          align: fc.constantFrom(1, 8),
        }),
        (lengths, layout) => {
          const batch = new PacketBatch({ buffer: new Uint8Array(256), capacity: 6, ...layout })
          const taken: string[] = []
          lengths.forEach((length, n) => {
            const data = new Uint8Array(length).fill(n + 1)
            if (batch.push(data)) taken.push(hex(data))
            expect([...batch].map(hex)).toEqual(taken)
          })
          expect(taken.length).toBeLessThanOrEqual(6)
        },
      ),
    )
  })

  it('copies from another batch over the same buffer', () => {
    const buffer = new Uint8Array(200)
    const from = new PacketBatch({ buffer, end: 100 })
    const to = new PacketBatch({ buffer, start: 100, headroom: 10 })
    from.push(Uint8Array.of(1, 2, 3))
    expect(to.add(from.buffer, from.tables.offsets[0]!, 3)).toBe(true)
    expect(to.tables.offsets[0]).toBe(110)
    expect(hex(to.packet(0))).toBe('010203')
  })

  it('drops the packets that are not wanted', () => {
    const batch = new PacketBatch()
    for (let n = 0; n < 5; n++) batch.push(Uint8Array.of(n), { seconds: n, originalLength: n + 10 })
    batch.keep((i) => i % 2 === 1)
    expect([...batch].map(hex)).toEqual(['01', '03'])
    expect(batch.record(1, 1)).toMatchObject({ seconds: 3, originalLength: 13 })
  })

  it('refuses a layout that makes no sense', () => {
    expect(() => new PacketBatch({ align: 3 })).toThrow('align 3 is no power of two')
    expect(() => new PacketBatch({ buffer: new Uint8Array(10), end: 11 })).toThrow(
      "is not in the buffer's 10 bytes",
    )
    expect(() => new PacketBatch({ capacity: 0 })).toThrow('one packet at least')
  })

  it('says that a packet is too long for it, and never that the capture is over', async () => {
    for (const layout of [{}, { headroom: 16 }]) {
      const capture = encodeCapture([{ data: new Uint8Array(10) }, { data: new Uint8Array(120) }])
      const batch = new PacketBatch({ buffer: new Uint8Array(100), ...layout })
      const reader = await openCapture(capture)
      expect(await reader.readInto(batch)).toBe(1)
      await expect(reader.readInto(batch)).rejects.toMatchObject({ code: 'TOO_LONG' })
      await expect(reader.readInto(batch)).rejects.toThrow('the packet at offset 50 does not fit the batch')
    }
  })
})

it('a batch in a memory that grows while it is filled goes on in the new views', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const views = () => new Uint8Array(memory.buffer)
  const batch = new PacketBatch({ buffer: views(), renew: views, start: 1024 })
  const packet = Uint8Array.of(1, 2, 3)
  batch.push(packet)
  memory.grow(1)
  expect(batch.push(packet)).toBe(true)
  memory.grow(1)
  expect([...batch].map(hex)).toEqual(['010203', '010203'])
  expect(batch.buffer.length).toBe(3 * 65536)
})
