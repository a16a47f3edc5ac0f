import { describe, expect, it } from 'vitest'
import {
  createDevicePair,
  DevicePump,
  PacketBatch,
  type PacketDevice,
  type PumpRing,
  pumpOf,
} from './index.ts'

const batchOf = (...bytes: readonly number[]): PacketBatch => {
  const batch = new PacketBatch()
  for (const byte of bytes) batch.push(Uint8Array.of(byte))
  return batch
}

/** A ring of so many packets that notes whether it was freed. */
const ringOf = (capacity = 8): PumpRing & { freed: boolean } => ({
  batch: new PacketBatch({ capacity, buffer: new Uint8Array(64) }),
  freed: false,
  refresh() {},
  free() {
    this.freed = true
  },
})

const start = (device: PacketDevice, seen: number[], ring: PumpRing = ringOf()): DevicePump =>
  new DevicePump(device, {
    ring,
    process: async (count) => {
      for (let i = 0; i < count; i++) seen.push(ring.batch.packet(i)[0]!)
    },
    tooLong: (length) => new Error(`${length} bytes`),
  })

describe('a pump', () => {
  it('takes all that a device receives, and ends with it', async () => {
    const [near, far] = createDevicePair()
    const seen: number[] = []
    const ring = ringOf()
    const pump = start(near, seen, ring)
    expect(pumpOf(near)).toBe(pump)
    expect(() => start(near, [])).toThrow(RangeError)
    await far.transmit(batchOf(1, 2, 3))
    await far.close()
    await pump.done
    expect([seen, ring.freed, pumpOf(near)]).toEqual([[1, 2, 3], true, undefined])
  })

  it('that stopped while it waited leaves its packets to the next, whose ring may be smaller', async () => {
    const [near, far] = createDevicePair()
    const [first, second]: [number[], number[]] = [[], []]
    const ring = ringOf()
    const pump = start(near, first, ring)
    await far.transmit(batchOf(1))
    await new Promise((resume) => setTimeout(resume, 0))
    pump.stop()
    await pump.done
    // Its receive is under way: it takes these.
    await far.transmit(batchOf(2, 3, 4))
    const next = start(near, second, ringOf(2))
    await far.transmit(batchOf(5))
    await far.close()
    await next.done
    expect([first, second, ring.freed]).toEqual([[1], [2, 3, 4, 5], true])
  })

  it('fails with what works on the packets', async () => {
    const [near, far] = createDevicePair()
    const ring = ringOf()
    const pump = new DevicePump(near, {
      ring,
      process: () => Promise.reject(new Error('not today')),
      tooLong: () => new Error('too long'),
    })
    await far.transmit(batchOf(1))
    await expect(pump.done).rejects.toThrow('not today')
    expect([ring.freed, pumpOf(near)]).toEqual([true, undefined])
  })
})
