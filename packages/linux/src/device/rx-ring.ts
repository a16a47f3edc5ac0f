import { type PacketBatch, PacketError } from '@skep/packet'
import { DeviceError, settled } from './errors.ts'
import { completeChecksum, NEEDS_CHECKSUM, segments, VNET_HEADER_SIZE } from './large-packet.ts'
import type { DeviceLibc } from './libc.ts'

/** include/uapi/linux/if_packet.h */
export const SOL_PACKET = 263
const PACKET_RX_RING = 5
const PACKET_VERSION = 10
const PACKET_RESERVE = 12
const PACKET_VNET_HDR = 15
const TPACKET_V3 = 2
const TP_STATUS_KERNEL = 0
const TP_STATUS_USER = 1
const TP_STATUS_VLAN_VALID = 1 << 4
const TP_STATUS_VLAN_TPID_VALID = 1 << 6

/** struct tpacket_block_desc, in words of 32 bits. */
const BLOCK_STATUS = 2
const BLOCK_PACKETS = 3
const BLOCK_FIRST = 4
/** struct tpacket3_hdr, in words; `tp_mac` is half a word. */
const NEXT = 0
const SECONDS = 1
const NANOS = 2
const CAPTURED = 3
const LENGTH = 4
const STATUS = 5
const MAC = 6
const VLAN_TCI = 8
const VLAN_TPID = 9

const VLAN_TAG_SIZE = 4
const ETH_P_8021Q = 0x8100
/** The smallest frame that the kernel takes as one: blocks hold packets of any size. */
const FRAME_SIZE = 2048
const PAGE = 4096

export interface RingOptions {
  /** Bytes of a block, a multiple of 4,096; 262,144 by default. A packet must fit a block. */
  readonly blockSize?: number
  /** How many blocks there are; 16 by default. What comes while all are full is dropped, as `rxDropped`. */
  readonly blocks?: number
  /** After how many milliseconds a block that is not full is handed over; 1, the least, by default. */
  readonly retireMs?: number
}

/**
 * The ring that a packet socket receives into (TPACKET_V3): blocks of packets in memory shared with the kernel, which are read
 * where they lie. Documentation/networking/packet_mmap.rst.
 */
export class RxRing {
  readonly #libc: DeviceLibc
  readonly #address: number
  readonly #size: number
  readonly #blockWords: number
  readonly #blocks: number
  #bytes: Uint8Array
  #words: Uint32Array
  #status: Int32Array
  #block = 0
  /** Packets of the block that were not taken yet, and where the first of them lies. */
  #left = 0
  #next = 0
  /** Segments of a large packet that were not taken yet. */
  #pending: Uint8Array[] = []
  /** Packets that no receiver can make sense of. */
  errors = 0

  /** Throws DeviceError, and leaves it to the caller to close the socket. */
  constructor(libc: DeviceLibc, fd: number, device: string, options: RingOptions) {
    const { blockSize = 1 << 18, blocks = 16, retireMs = 1 } = options
    const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least
    if (!whole(blockSize, PAGE) || blockSize % PAGE !== 0 || !whole(blocks, 1) || !whole(retireMs, 1))
      throw new DeviceError(
        'BAD_OPTION',
        device,
        `a ring of ${blocks} blocks of ${blockSize} bytes, handed over after ${retireMs} ms`,
        `give whole numbers, and a block size that is a multiple of ${PAGE}`,
      )
    const set = (option: number, name: string, ...words: number[]): void => {
      const value = new Uint8Array(Uint32Array.from(words).buffer)
      settled(libc.setOption(fd, SOL_PACKET, option, value), device, name, words.join(' '))
    }
    set(PACKET_VERSION, 'PACKET_VERSION', TPACKET_V3)
    set(PACKET_VNET_HDR, 'PACKET_VNET_HDR', 1)
    set(PACKET_RESERVE, 'PACKET_RESERVE', VLAN_TAG_SIZE)
    const frames = Math.floor(blockSize / FRAME_SIZE) * blocks
    set(PACKET_RX_RING, 'PACKET_RX_RING', blockSize, blocks, FRAME_SIZE, frames, retireMs, 0, 0)
    this.#libc = libc
    this.#size = blockSize * blocks
    this.#blockWords = blockSize / 4
    this.#blocks = blocks
    this.#address = settled(libc.map(fd, this.#size), device, 'mmap', `${this.#size} bytes`)
    const memory = libc.view(this.#address, this.#size)
    this.#bytes = new Uint8Array(memory)
    this.#words = new Uint32Array(memory)
    this.#status = new Int32Array(memory)
  }

  /** Adds packets to the batch, until it is full or there are no more. Throws PacketError TOO_LONG. */
  take(batch: PacketBatch): void {
    while (this.#takePending(batch)) {
      if (this.#left === 0 && !this.#open()) return
      while (this.#left > 0) {
        if (!this.#add(batch, this.#next)) return
        this.#next += this.#words[(this.#next >> 2) + NEXT]!
        this.#left--
        if (this.#pending.length > 0) break
      }
      if (this.#left === 0) this.#release()
    }
  }

  #open(): boolean {
    const first = this.#block * this.#blockWords
    for (;;) {
      if ((Atomics.load(this.#status, first + BLOCK_STATUS) & TP_STATUS_USER) === 0) return false
      this.#left = this.#words[first + BLOCK_PACKETS]!
      this.#next = first * 4 + this.#words[first + BLOCK_FIRST]!
      if (this.#left > 0) return true
      this.#release()
      return this.#open()
    }
  }

  #release(): void {
    Atomics.store(this.#status, this.#block * this.#blockWords + BLOCK_STATUS, TP_STATUS_KERNEL)
    this.#block = (this.#block + 1) % this.#blocks
  }

  /** False when the batch has no room for the packet at `at`. */
  #add(batch: PacketBatch, at: number): boolean {
    const bytes = this.#bytes
    const words = this.#words
    const header = at >> 2
    const status = words[header + STATUS]!
    const length = words[header + CAPTURED]!
    const data = at + (words[header + MAC]! & 0xffff)
    const vnet = data - VNET_HEADER_SIZE
    if (length !== words[header + LENGTH]!) {
      this.errors++
      return true
    }
    if (status & TP_STATUS_VLAN_VALID) {
      // The room of PACKET_RESERVE lies before the frame; the header before the frame must be read first.
      const large = bytes.slice(vnet, data)
      const tpid = status & TP_STATUS_VLAN_TPID_VALID ? words[header + VLAN_TPID]! & 0xffff : ETH_P_8021Q
      const tci = words[header + VLAN_TCI]! & 0xffff
      const frame = new Uint8Array(length + VLAN_TAG_SIZE)
      frame.set(bytes.subarray(data, data + 12))
      frame.set([tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff], 12)
      frame.set(bytes.subarray(data + 12, data + length), 16)
      return this.#addWhole(batch, header, frame, 0, frame.length, large, 0, VLAN_TAG_SIZE)
    }
    return this.#addWhole(batch, header, bytes, data, length, bytes, vnet, 0)
  }

  #addWhole(
    batch: PacketBatch,
    header: number,
    bytes: Uint8Array,
    data: number,
    length: number,
    vnetBytes: Uint8Array,
    vnet: number,
    shift: number,
  ): boolean {
    const words = this.#words
    if (vnetBytes[vnet + 1] !== 0) {
      const parts = segments(bytes.subarray(data, data + length), vnetBytes, vnet, shift)
      if (parts) this.#pending = parts
      else this.errors++
      return true
    }
    if (vnetBytes[vnet]! & NEEDS_CHECKSUM) {
      completeChecksum(bytes.subarray(data, data + length), vnetBytes, vnet, shift)
      // It may come again, when the batch was full.
      vnetBytes[vnet]! &= ~NEEDS_CHECKSUM
    }
    if (batch.add(bytes, data, length, length, words[header + SECONDS]!, words[header + NANOS]!)) return true
    this.#refuse(batch, length)
    return false
  }

  #takePending(batch: PacketBatch): boolean {
    const pending = this.#pending
    let taken = 0
    while (taken < pending.length && batch.push(pending[taken]!)) taken++
    if (taken > 0) pending.splice(0, taken)
    if (pending.length > 0) this.#refuse(batch, pending[0]!.length)
    return pending.length === 0
  }

  #refuse(batch: PacketBatch, length: number): void {
    if (batch.count === 0)
      throw new PacketError('TOO_LONG', `a packet of ${length} bytes does not fit the batch`)
  }

  free(): void {
    this.#left = 0
    this.#bytes = new Uint8Array(0)
    this.#words = new Uint32Array(0)
    this.#status = new Int32Array(0)
    this.#libc.unmap(this.#address, this.#size)
  }
}
