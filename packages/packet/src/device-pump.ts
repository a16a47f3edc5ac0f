import type { PacketBatch } from './batch.ts'
import type { PacketDevice } from './device.ts'

/** Memory that a pump's packets are received into. */
export interface PumpRing {
  readonly batch: PacketBatch
  /** Takes new views of a memory that may have grown. */
  refresh(): void
  /** Nothing of it is needed any more; freeing twice is fine. */
  free(): void
}

export interface DevicePumpOptions {
  readonly ring: PumpRing
  /** Works on the packets that lie in the ring's batch, before the next are received. */
  readonly process: (count: number) => Promise<void>
  /** Whether what passes is handed to the hook behind (`hookBehind`), so that one may come to stand there. */
  readonly front?: boolean
  /** What is thrown for a packet that came for the pump before and does not fit the ring. */
  readonly tooLong: (length: number) => Error
}

/** A receive that its pump did not wait for: the packets are the next pump's. */
interface Leftover {
  readonly received: Promise<number>
  readonly ring: PumpRing
}

/** Who receives from a device: a device takes one call at a time. */
interface Receiver {
  pump?: DevicePump | undefined
  leftover?: Leftover | undefined
}

const receivers = new WeakMap<PacketDevice, Receiver>()

/** The pump that receives from a device now. */
export const pumpOf = (device: PacketDevice): DevicePump | undefined => receivers.get(device)?.pump

/** Longest time that packets are processed without letting the host's other work run. */
const SLICE_MS = 8

/**
 * Receives from a device, batch after batch, until it has no more packets or the pump is stopped. Nothing is lost when a pump
 * stops while it waits: packets that come then are the next pump's of that device. Throws RangeError where a pump runs.
 */
export class DevicePump {
  /** Resolves at the end; rejects with the device's error, or what `process` throws. */
  readonly done: Promise<void>
  readonly #device: PacketDevice
  readonly #receiver: Receiver
  readonly #options: DevicePumpOptions
  readonly #stop: () => void
  readonly #stopped: Promise<number>
  #over = false
  /** The device, or whoever left packets, has been asked. */
  #begun = false

  constructor(device: PacketDevice, options: DevicePumpOptions) {
    const receiver = receivers.get(device) ?? {}
    if (receiver.pump) throw new RangeError(`device ${device.name} has a pump`)
    receivers.set(device, receiver)
    receiver.pump = this
    this.#device = device
    this.#receiver = receiver
    this.#options = options
    let stop = (): void => {}
    this.#stopped = new Promise((resolve) => {
      stop = () => resolve(0)
    })
    this.#stop = stop
    this.done = this.#run()
  }

  get front(): boolean {
    return this.#options.front === true
  }

  /** Ends it; another pump may begin at once. Stopping twice is fine. */
  stop(): void {
    if (this.#over) return
    this.#over = true
    this.#stop()
    this.#receiver.pump = undefined
    // Who attaches and detaches again and again, and waits for nothing, has one ring at a time.
    if (!this.#begun) this.#options.ring.free()
  }

  async #run(): Promise<void> {
    const { ring, process } = this.#options
    let waiting: Promise<number> | undefined
    let slice = performance.now()
    try {
      await this.#takeLeftover()
      while (!this.#over) {
        this.#begun = true
        ring.refresh()
        const received = this.#device.receive(ring.batch)
        waiting = received
        this.#receiver.leftover = { received, ring }
        const count = await Promise.race([received, this.#stopped])
        if (this.#over) break
        waiting = undefined
        this.#receiver.leftover = undefined
        if (count === 0) break
        await process(count)
        if (performance.now() - slice > SLICE_MS) {
          await new Promise((resume) => setTimeout(resume, 0))
          slice = performance.now()
        }
      }
    } catch (error) {
      waiting = undefined
      this.#receiver.leftover = undefined
      throw error
    } finally {
      if (waiting) this.#leave(waiting)
      else ring.free()
      this.stop()
    }
  }

  /** The device still writes into the ring, and the device's next pump takes the packets, if any come. */
  #leave(received: Promise<number>): void {
    const { ring } = this.#options
    const forget = (): void => {
      if (this.#receiver.leftover?.ring === ring) this.#receiver.leftover = undefined
      ring.free()
    }
    received.then((count) => count === 0 && forget(), forget)
  }

  /** Packets that came for a pump that was stopped while it waited for them. */
  async #takeLeftover(): Promise<void> {
    const { leftover } = this.#receiver
    if (!leftover) return
    const count = await Promise.race([leftover.received, this.#stopped])
    if (this.#over) return
    this.#begun = true
    this.#receiver.leftover = undefined
    leftover.ring.refresh()
    const { batch } = leftover.ring
    const { ring, process, tooLong } = this.#options
    for (let taken = 0; taken < count && !this.#over; ) {
      ring.refresh()
      ring.batch.clear()
      while (taken < count) {
        const record = batch.record(taken, this.#device.linkType)
        if (!ring.batch.push(record.data, record)) break
        taken++
      }
      if (ring.batch.count === 0) throw tooLong(batch.packet(taken).length)
      await process(ring.batch.count)
    }
    leftover.ring.free()
  }
}
