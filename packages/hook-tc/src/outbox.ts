import { PacketBatch, type PacketDevice } from '@skep/packet'
import type { Direction } from './actions.ts'
import { CARRIED_WORDS, type Carried, type SkbRing } from './skb-ring.ts'

/** To a side of a device, straight out of it, or to the stack behind this one. */
export type Kind = Direction | 'device'

/** A packet as it was when somebody asked for a copy. */
interface Copy {
  readonly bytes: Uint8Array
  readonly carried: Carried
}

/** Packets for one place, in their order. */
export class Delivery {
  device!: PacketDevice
  way!: Kind
  /** Packets of the ring. */
  readonly indices: number[] = []
  /** Those that are copies, by their place in `indices`. */
  readonly copies: Map<number, Copy> = new Map()

  begin(device: PacketDevice, way: Kind): void {
    this.device = device
    this.way = way
    this.indices.length = 0
    this.copies.clear()
  }

  /** What goes with the packets to another hook. */
  carried(packets: SkbRing): Carried {
    const all = new Uint32Array(this.indices.length * CARRIED_WORDS)
    for (let n = 0; n < this.indices.length; n++) {
      const copy = this.copies.get(n)
      if (copy) all.set(copy.carried, n * CARRIED_WORDS)
      else packets.carry(this.indices[n]!, all, n * CARRIED_WORDS)
    }
    return all
  }

  /** The packets as a batch: in place when none is a copy. */
  batch(packets: SkbRing): PacketBatch {
    const { indices, copies } = this
    if (copies.size === 0 && indices.length <= packets.batch.capacity) {
      const batch = packets.ring.outgoing(0)
      for (let n = 0; n < indices.length; n++) packets.forward(indices[n]!, batch)
      return batch
    }
    const all = indices.map((index, n) => copies.get(n)?.bytes ?? packets.packet(index))
    const size = all.reduce((sum, { length }) => sum + length, 0)
    const batch = new PacketBatch({ buffer: new Uint8Array(size), capacity: indices.length })
    for (const [n, bytes] of all.entries()) {
      const about = packets.batch.record(indices[n]!, 0)
      batch.push(bytes, { ...about, originalLength: bytes.length })
    }
    return batch
  }
}

/** What leaves a hook, by where it goes. It is filled again and again. */
export class Outbox {
  readonly #deliveries: Delivery[] = []
  #used = 0

  clear(): void {
    this.#used = 0
  }

  get count(): number {
    return this.#used
  }

  delivery(n: number): Delivery {
    return this.#deliveries[n]!
  }

  add(device: PacketDevice, way: Kind, index: number, copy?: Copy): void {
    let n = this.#used - 1
    while (n >= 0 && (this.#deliveries[n]!.device !== device || this.#deliveries[n]!.way !== way)) n--
    if (n < 0) {
      n = this.#used++
      this.#deliveries[n] ??= new Delivery()
      this.#deliveries[n]!.begin(device, way)
    }
    const delivery = this.#deliveries[n]!
    if (copy) delivery.copies.set(delivery.indices.length, copy)
    delivery.indices.push(index)
  }
}
