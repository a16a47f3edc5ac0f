import { mapLayout, ringLayout as ring } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../test/world.ts'
import type { HostMap } from './host-map.ts'
import { openRingBuffer, type RecordBatch, type RingBuffer } from './ring-buffer.ts'
import { ringbuf } from './ringbuf.ts'

const BYTES = 4096

interface Written {
  readonly world: World
  readonly map: HostMap
  readonly reader: RingBuffer
  /** Puts a record there, as a program would; its bytes are `fill`, fill + 1 and so on. */
  write(size: number, fill: number, bits?: number): void
  position(offset: number): bigint
}

/** A ring both of whose positions are `from`. */
function create(shared: boolean, from = 0n): Written {
  const world = createWorld({ shared })
  const map = world.create(ringbuf, { keySize: 0, valueSize: 0, maxEntries: BYTES })
  const { arena } = world
  const at = arena.view.getUint32(map.address + mapLayout.MAP_DATA, true)
  for (const offset of [ring.RING_PRODUCER, ring.RING_CONSUMER])
    arena.view.setBigUint64(at + offset, from, true)
  const position = (offset: number): bigint => arena.view.getBigUint64(at + offset, true)
  return {
    world,
    map,
    reader: openRingBuffer(map),
    position,
    write(size, fill, bits = 0) {
      const producer = position(ring.RING_PRODUCER)
      const record = at + ring.RING_DATA + Number(producer % BigInt(BYTES))
      arena.view.setUint32(record, (size | bits) >>> 0, true)
      for (let n = 0; n < size; n++) arena.u8[record + ring.RECORD_HEADER + n] = fill + n
      const length = BigInt((size + ring.RECORD_HEADER + 7) & ~7)
      arena.view.setBigUint64(at + ring.RING_PRODUCER, producer + length, true)
    },
  }
}

const bytes = (size: number, fill: number): number[] =>
  Array.from({ length: size }, (_, n) => (fill + n) & 255)

describe.each([
  ['unshared', false],
  ['shared', true],
] as const)('RingBuffer, %s', (_, shared) => {
  it('reads records of any length, in place or not, past the end of the ring and past 2^32', () => {
    const sizes = [0, 1, 3, 4, 16, 16, 127, 128, 129, 500, 16, 700]
    for (const from of [0n, 2n ** 32n - 800n, 2n ** 32n - 8n, 2n ** 40n - 24n]) {
      for (const way of ['consume', 'consumeInPlace', 'consumeBatches']) {
        const { reader, write, position } = create(shared, from)
        for (const [n, size] of sizes.entries()) write(size, n)
        expect(reader.available).toBe(Number(position(ring.RING_PRODUCER) - from))
        const seen: number[][] = []
        const see = (memory: DataView, at: number, size: number): void =>
          void seen.push([...new Uint8Array(memory.buffer, at, size)])
        const count =
          way === 'consume'
            ? reader.consume((record) => seen.push([...record]))
            : way === 'consumeInPlace'
              ? reader.consumeInPlace(see)
              : reader.consumeBatches((batch) => {
                  for (let n = 0; n < batch.length; n++) {
                    expect([...batch.record(n)]).toEqual(bytes(batch.size(n), seen.length))
                    see(batch.memory, batch.at(n), batch.size(n))
                  }
                })
        expect([count, seen]).toEqual([sizes.length, sizes.map((size, n) => bytes(size, n))])
        expect(position(ring.RING_CONSUMER)).toBe(position(ring.RING_PRODUCER))
      }
    }
  })

  it('hands over many at a time, those before a busy one, and gives them back together', () => {
    const { world, map, reader, write, position } = create(shared)
    const parts: number[][] = []
    const take = (batch: RecordBatch): void => {
      parts.push(Array.from({ length: batch.length }, (_, n) => batch.record(n)[0]!))
      if (parts.length === 1) write(8, 9)
      expect(reader.consumeBatches(() => {})).toBe(0)
      // Without threads this takes the views away.
      world.arena.alloc(1 << 20)
      expect(batch.record(0)[0]).toBe(parts.at(-1)![0])
    }
    write(8, 1, ring.RECORD_DISCARDED)
    expect([reader.consumeBatches(take), position(ring.RING_CONSUMER)]).toEqual([0, 16n])
    for (const n of [2, 3]) write(8, n)
    write(8, 4, ring.RECORD_DISCARDED)
    for (const n of [5, 6, 7]) write(8, n)
    expect([reader.consumeBatches(take, 4), reader.consumeBatches(take)]).toEqual([4, 2])
    expect(parts).toEqual([
      [2, 3, 5, 6],
      [7, 9],
    ])
    write(8, 1)
    write(8, 2, ring.RECORD_BUSY)
    const fail = (): never => {
      throw new Error('mine')
    }
    expect(() => reader.consumeBatches(fail)).toThrow('mine')
    expect([reader.available, reader.consumeBatches(take)]).toEqual([16, 0])
    const other = create(shared)
    for (const n of [1, 2, 3]) other.write(8, n)
    expect(other.reader.consumeBatches(() => false, 2)).toBe(2)
    expect(other.reader.consumeBatches(() => other.map.close())).toBe(1)
    expect(map.closed).toBe(false)
  })

  it('stops at a busy record, a limit and a false, and passes over discarded ones', () => {
    const { reader, write } = create(shared)
    write(8, 1)
    write(8, 2, ring.RECORD_DISCARDED)
    write(8, 3)
    write(8, 4)
    write(8, 5, ring.RECORD_BUSY)
    const seen: number[] = []
    const take = (record: Uint8Array): void => void seen.push(record[0]!)
    expect(reader.consume(take, 1)).toBe(1)
    const takeOne = (record: Uint8Array): boolean => {
      take(record)
      return false
    }
    expect(reader.consume(takeOne)).toBe(1)
    expect([reader.consume(take), reader.consume(take)]).toEqual([1, 0])
    expect([seen, reader.available]).toEqual([[1, 3, 4], 16])
  })

  it('gives back the record of a call that throws', () => {
    const { reader, write } = create(shared)
    write(8, 1)
    write(8, 2)
    const fail = (): never => {
      throw new Error('mine')
    }
    expect(() => reader.consume(fail)).toThrow('mine')
    expect(reader.available).toBe(16)
    expect(() => reader.consumeInPlace(fail)).toThrow('mine')
    expect(reader.available).toBe(0)
  })

  it('lets programs write during a call, which reads nothing itself', () => {
    const { reader, write } = create(shared)
    for (const fill of [1, 2]) write(8, fill)
    const seen: number[][] = []
    reader.consume((record) => {
      if (seen.length === 0) write(8, 3)
      expect(reader.consume(() => {})).toBe(0)
      seen.push([...record])
    })
    expect(seen).toEqual([bytes(8, 1), bytes(8, 2), bytes(8, 3)])
  })

  it('gives a loop copies, leaves the rest in the ring, and ends it when the reader or the map is closed', async () => {
    for (const close of [({ reader }: Written) => reader.close(), ({ map }: Written) => map.close()]) {
      const written = create(shared)
      const { map, reader, write } = written
      for (const fill of [1, 2, 3]) write(8, fill)
      const kept: Uint8Array[] = []
      for await (const record of reader) if (kept.push(record) === 2) break
      expect([kept.map(([first]) => first), reader.available]).toEqual([[1, 2], 16])
      const records = reader[Symbol.asyncIterator]()
      expect((await records.next()).value).toEqual(Uint8Array.from(bytes(8, 3)))
      const waiting = records.next()
      write(200, 4)
      map.wake()
      expect((await waiting).value).toEqual(Uint8Array.from(bytes(200, 4)))
      const last = records.next()
      close(written)
      expect([await last, await records.next()]).toEqual([
        { done: true, value: undefined },
        { done: true, value: undefined },
      ])
    }
  })

  it('ends when a call closes the map, and goes on when the memory grows', () => {
    const { world, map, reader, write } = create(shared)
    for (const fill of [1, 2, 3]) write(8, fill)
    const seen: number[] = []
    reader.consume((record) => {
      world.arena.alloc(1 << 20)
      seen.push(record[0]!)
      if (seen.length === 2) map.close()
    })
    expect([seen, reader.closed, reader.consume(() => {})]).toEqual([[1, 2], true, 0])
  })
})
