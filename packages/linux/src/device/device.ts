import { createStats, type DeviceStats, type PacketBatch, type PacketDevice, PacketError } from '@skep/packet'
import { type DeviceError, deviceError } from './errors.ts'
import type { InterfaceFacts } from './interface.ts'
import type { DeviceLibc } from './libc.ts'
import { EPOLLIN, EPOLLOUT, type Waiter, waiterOf } from './waiter.ts'

const EINTR = -4
const EAGAIN = -11

/** Nothing now: another try is worth it. */
export const again = (result: number): boolean => result === EAGAIN || result === EINTR

/**
 * What devices of the kernel have in common: they do what can be done at once, and else wait on the pool's one thread, until
 * packets come or the device is closed.
 */
export abstract class LinuxDevice implements PacketDevice {
  readonly name: string
  readonly ifindex: number
  readonly mtu: number
  readonly linkType: number
  protected readonly libc: DeviceLibc
  protected readonly counts: DeviceStats = createStats()
  readonly #waiter: Waiter
  #closed = false

  protected constructor(libc: DeviceLibc, name: string, facts: InterfaceFacts) {
    this.libc = libc
    this.name = name
    this.ifindex = facts.ifindex
    this.mtu = facts.mtu
    this.linkType = facts.linkType
    this.#waiter = waiterOf(libc)
  }

  get stats(): Readonly<DeviceStats> {
    return this.counts
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The descriptors that packets come from and go to; perhaps the same. */
  protected abstract readonly input: number
  protected abstract readonly output: number
  /** Fills the batch with what there is now. Throws DeviceError. */
  protected abstract take(batch: PacketBatch): void
  /** Sends packets from `first` on, and answers which is the first that must wait; the batch's count for none. */
  protected abstract send(batch: PacketBatch, first: number): number
  /** Says what a descriptor that tells of an error has, or undefined where nothing is lost. */
  protected abstract failure(): DeviceError | undefined
  /** Gives back what the device holds. */
  protected abstract free(): void

  async receive(batch: PacketBatch): Promise<number> {
    for (;;) {
      batch.clear()
      if (this.#closed) return 0
      this.take(batch)
      if (batch.count > 0) return batch.count
      const events = await this.#waiter.wait(this.input, EPOLLIN)
      if ((events & ~(EPOLLIN | EPOLLOUT)) === 0 || this.#closed) continue
      const failure = this.failure()
      if (failure) throw failure
    }
  }

  async transmit(batch: PacketBatch): Promise<void> {
    for (let sent = 0; ; ) {
      if (this.#closed) throw new PacketError('CLOSED', `${this.name} is closed`)
      sent = this.send(batch, sent)
      if (sent >= batch.count) return
      await this.#waiter.wait(this.output, EPOLLOUT)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#waiter.forget(this.input)
    if (this.output !== this.input) this.#waiter.forget(this.output)
    this.free()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Counts a packet that was sent, or that the kernel did not take. */
  protected count(result: number, length: number): void {
    if (result < 0) this.counts.txDropped++
    else {
      this.counts.txPackets++
      this.counts.txBytes += length
    }
  }

  protected error(result: number, call: string): DeviceError {
    return deviceError(result, this.name, call)
  }
}
