import { createStats, PacketBatch, type PacketDevice } from '@skep/packet'

/** How a device of the command line is made. */
export interface CaptureDeviceOptions {
  readonly name: string
  readonly ifindex: number
  /** What it receives. */
  readonly source?: PacketDevice
  /** Takes what leaves it. */
  readonly sink?: PacketDevice
}

/** Packets that are held back until the script lets them come. */
export class CaptureDevice implements PacketDevice {
  readonly name: string
  readonly ifindex: number
  readonly mtu = 65_535
  readonly linkType: number
  readonly stats: PacketDevice['stats']
  readonly #source: PacketDevice | undefined
  readonly #sink: PacketDevice | undefined
  readonly #read = new PacketBatch()
  readonly #counts = createStats()
  /** Packets of `#read` that were received already. */
  #taken = 0
  #credit = 0
  #ended: boolean
  #closed = false
  /** Calls of `receive` that wait; the last is the one that is answered. */
  readonly #waiting: (() => void)[] = []
  #idle: () => void = () => {}

  constructor({ name, ifindex, source, sink }: CaptureDeviceOptions) {
    this.name = name
    this.ifindex = ifindex
    this.#source = source
    this.#sink = sink
    this.#ended = source === undefined
    this.linkType = source?.linkType ?? sink?.linkType ?? 1
    this.stats = this.#counts
  }

  get exhausted(): boolean {
    return this.#ended
  }

  /** Lets this many packets come, and waits until all of them went where they go. */
  async release(count: number): Promise<void> {
    if (this.#ended || this.#closed) return
    this.#credit = count
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve
    })
    this.#waiting.pop()?.()
    await idle
  }

  /** The same for whoever calls `receive` as long as packets may come. */
  grant(count: number): void {
    if (!this.#ended) this.#credit = count
  }

  get granted(): boolean {
    return this.#credit > 0 && !this.#ended && !this.#closed
  }

  async receive(batch: PacketBatch): Promise<number> {
    batch.clear()
    for (;;) {
      while (this.#credit === 0 || this.#ended || this.#closed) {
        this.#idle()
        if (this.#ended || this.#closed) return 0
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
      if (this.#taken === this.#read.count) {
        this.#taken = 0
        if ((await this.#source!.receive(this.#read)) === 0) {
          this.#read.clear()
          this.#ended = true
          continue
        }
      }
      while (this.#credit > 0 && this.#taken < this.#read.count) {
        const record = this.#read.record(this.#taken, this.linkType)
        if (!batch.push(record.data, record)) break
        this.#taken++
        this.#credit--
        this.#counts.rxPackets++
        this.#counts.rxBytes += record.data.length
      }
      if (batch.count === 0) {
        // Longer than any buffer: counted, and left out.
        this.#taken++
        this.#credit--
        this.#counts.rxErrors++
        continue
      }
      return batch.count
    }
  }

  async transmit(batch: PacketBatch): Promise<void> {
    if (!this.#sink) {
      this.#counts.txPackets += batch.count
      return
    }
    await this.#sink.transmit(batch)
    this.#counts.txPackets += batch.count
    for (let i = 0; i < batch.count; i++) this.#counts.txBytes += batch.tables.lengths[i]!
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#idle()
    for (const wake of this.#waiting.splice(0)) wake()
    await this.#source?.close()
    await this.#sink?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
