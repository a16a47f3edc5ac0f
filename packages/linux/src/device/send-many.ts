import type { PacketBatch } from '@skep/packet'
import type { DeviceLibc } from './libc.ts'

/** struct mmsghdr and struct iovec on 64-bit machines, in words of 32 bits. */
const HEADER_WORDS = 16
const IOV_POINTER = 4
const IOV_COUNT = 6
const IOV_WORDS = 4
const IOV_LENGTH = 2
const AT_ONCE = 256
const HIGH = 2 ** 32

/** Sends packets of a batch from where they lie, many by one sendmmsg(2). */
export class SendMany {
  readonly #libc: DeviceLibc
  readonly #fd: number
  readonly #headers: Uint32Array = new Uint32Array(AT_ONCE * HEADER_WORDS)
  readonly #vectors: Uint32Array = new Uint32Array(AT_ONCE * IOV_WORDS)
  readonly #address: number

  constructor(libc: DeviceLibc, fd: number) {
    this.#libc = libc
    this.#fd = fd
    this.#address = libc.address(new Uint8Array(this.#headers.buffer))
    const vectors = libc.address(new Uint8Array(this.#vectors.buffer))
    for (let n = 0; n < AT_ONCE; n++) {
      const vector = vectors + n * IOV_WORDS * 4
      this.#headers[n * HEADER_WORDS + IOV_POINTER] = vector % HIGH
      this.#headers[n * HEADER_WORDS + IOV_POINTER + 1] = Math.floor(vector / HIGH)
      this.#headers[n * HEADER_WORDS + IOV_COUNT] = 1
    }
  }

  /** How many packets from `first` on were sent, or minus errno of the first. */
  send(batch: PacketBatch, first: number): number {
    const { offsets, lengths } = batch.tables
    const base = this.#libc.address(batch.buffer)
    const count = Math.min(batch.count - first, AT_ONCE)
    const vectors = this.#vectors
    for (let n = 0; n < count; n++) {
      const address = base + offsets[first + n]!
      vectors[n * IOV_WORDS] = address % HIGH
      vectors[n * IOV_WORDS + 1] = Math.floor(address / HIGH)
      vectors[n * IOV_WORDS + IOV_LENGTH] = lengths[first + n]!
    }
    return this.#libc.sendMany(this.#fd, this.#address, count)
  }
}
