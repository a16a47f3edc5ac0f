import { PacketBatch, type PacketDevice } from '@skep/packet'
import type { Direction } from './actions.ts'
import type { SkbMarks, SkbRing } from './skb-ring.ts'

/** A packet of a ring, or a copy with bytes of its own. */
interface Item {
  readonly index: number
  readonly marks: SkbMarks
  readonly bytes?: Uint8Array
}

/** To a side of a device, or straight out of it. */
type Kind = Direction | 'device'

interface Delivery {
  readonly device: PacketDevice
  readonly way: Kind
  readonly items: Item[]
}

/** What leaves a hook, by where it goes; packets for one place stay in their order. */
export class Outbox {
  readonly deliveries: Delivery[] = []

  add(device: PacketDevice, way: Kind, index: number, marks: SkbMarks, bytes?: Uint8Array): void {
    let delivery = this.deliveries.find((d) => d.device === device && d.way === way)
    if (!delivery) this.deliveries.push((delivery = { device, way, items: [] }))
    delivery.items.push({ index, marks, ...(bytes ? { bytes } : {}) })
  }

  /** A delivery as a batch: in place when nothing of it is a copy. */
  batch(
    packets: SkbRing,
    items: readonly Item[],
  ): { readonly batch: PacketBatch; readonly marks: readonly SkbMarks[] } {
    const marks = items.map((item) => item.marks)
    if (items.every((item) => item.bytes === undefined)) {
      const batch = packets.ring.outgoing(0)
      for (const { index } of items) {
        const { data, length } = packets.place(index)
        packets.ring.forward(index, batch, data, length)
      }
      return { batch, marks }
    }
    const all = items.map(({ index, bytes }) => bytes ?? packets.packet(index))
    const size = all.reduce((sum, { length }) => sum + length, 0)
    const batch = new PacketBatch({ buffer: new Uint8Array(size), capacity: items.length })
    for (const [n, bytes] of all.entries()) {
      const about = packets.batch.record(items[n]!.index, 0)
      batch.push(bytes, { ...about, originalLength: bytes.length })
    }
    return { batch, marks }
  }
}
