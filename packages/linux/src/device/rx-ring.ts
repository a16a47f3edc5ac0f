import { type PacketBatch, PacketError } from '@skep/packet'
import { DeviceError, settled } from './errors.ts'
import { completeChecksum, isLarge, NEEDS_CHECKSUM, segments, VNET_HEADER_SIZE } from './large-packet.ts'
import type { DeviceLibc } from './libc.ts'

/** include/uapi/linux/if_packet.h, asm-generic/socket.h */
export const SOL_PACKET = 263
export const SOL_SOCKET = 1
const PACKET_RX_RING = 5
const PACKET_COPY_THRESH = 7
const PACKET_VERSION = 10
const PACKET_RESERVE = 12
const PACKET_VNET_HDR = 15
const SO_RCVBUFFORCE = 33
const TPACKET_V2 = 1
const TP_STATUS_KERNEL = 0
const TP_STATUS_USER = 1
const TP_STATUS_COPY = 1 << 1
const TP_STATUS_VLAN_VALID = 1 << 4
const TP_STATUS_VLAN_TPID_VALID = 1 << 6

/** struct tpacket2_hdr, in words of 32 bits; TCI and TPID of a VLAN share one. */
const STATUS = 0
const LENGTH = 1
const CAPTURED = 2
const MAC = 3
const SECONDS = 4
const NANOS = 5
const VLAN = 6

const VLAN_TAG_SIZE = 4
/** Both addresses of an Ethernet header, behind which tags stand. */
const ADDRESSES_SIZE = 12
const ETH_P_8021Q = 0x8100
/** The most bytes before a packet in its frame, and of headers that its mtu does not count. */
const FRAME_OVERHEAD = 256
/** Frames do not cross blocks. */
const BLOCK_SIZE = 1 << 17
const USUAL_MEMORY = 1 << 23
const MOST_FRAMES = 1 << 20
/** The longest packet: those that a sender left to a card to cut. */
const LARGEST = 1 << 18
/** Memory of the kernel for packets that are longer than frames. */
const LARGE_QUEUE = 1 << 24

export interface RingOptions {
  /**
   * How many packets may wait; by default as many as 8 MiB hold: 4,096 for an mtu of 1,500. What comes while it is full is
   * dropped, as `rxDropped`.
   */
  readonly ringFrames?: number
}

/**
 * The ring that a packet socket receives into (TPACKET_V2): frames in memory shared with the kernel, read where they lie.
 * Packets longer than a frame come through the socket's queue besides. Documentation/networking/packet_mmap.rst.
 *
 * TPACKET_V3 hands packets over in blocks, after a millisecond at the least, and a block with one packet counts as a full one:
 * each packet would be late, and a process that is busy for the time of its blocks would lose what comes.
 */
export class RxRing {
  readonly #libc: DeviceLibc
  readonly #fd: number
  readonly #address: number
  readonly #size: number
  readonly #frameSize: number
  readonly #frames: number
  #bytes: Uint8Array
  #words: Uint32Array
  #status: Int32Array
  #frame = 0
  /** What of the frame at hand is to be added: one packet, if any, in the ring's memory or in `#large`. */
  #prepared = false
  #source: Uint8Array
  #data = 0
  #length = 0
  #seconds = 0
  #nanos = 0
  /** Takes packets that are longer than a frame, with the header before them; made for the first of them. */
  #large: Uint8Array = new Uint8Array(0)
  /** Segments of a large packet, and how many of them were taken. */
  #pending: readonly Uint8Array[] = []
  #taken = 0
  /** Packets that no receiver can make sense of. */
  errors = 0

  /** Throws DeviceError, and leaves it to the caller to close the socket. */
  constructor(libc: DeviceLibc, fd: number, device: string, mtu: number, options: RingOptions) {
    const frameSize = 2 ** Math.ceil(Math.log2(mtu + FRAME_OVERHEAD))
    const blockSize = Math.max(BLOCK_SIZE, frameSize)
    const perBlock = blockSize / frameSize
    const { ringFrames = Math.max(USUAL_MEMORY / frameSize, 64) } = options
    if (!Number.isInteger(ringFrames) || ringFrames < 1 || ringFrames > MOST_FRAMES)
      throw new DeviceError(
        'BAD_OPTION',
        device,
        `ringFrames is ${ringFrames}`,
        `give a whole number from 1 to ${MOST_FRAMES}`,
      )
    const blocks = Math.ceil(ringFrames / perBlock)
    const set = (option: number, name: string, ...words: number[]): void => {
      const value = new Uint8Array(Uint32Array.from(words).buffer)
      settled(libc.setOption(fd, SOL_PACKET, option, value), device, name, words.join(' '))
    }
    set(PACKET_VERSION, 'PACKET_VERSION', TPACKET_V2)
    set(PACKET_VNET_HDR, 'PACKET_VNET_HDR', 1)
    set(PACKET_RESERVE, 'PACKET_RESERVE', VLAN_TAG_SIZE)
    set(PACKET_COPY_THRESH, 'PACKET_COPY_THRESH', 1)
    // Without CAP_NET_ADMIN the usual queue must do.
    libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, new Uint8Array(Uint32Array.of(LARGE_QUEUE).buffer))
    set(PACKET_RX_RING, 'PACKET_RX_RING', blockSize, blocks, frameSize, blocks * perBlock)
    this.#libc = libc
    this.#fd = fd
    this.#size = blockSize * blocks
    this.#frameSize = frameSize
    this.#frames = blocks * perBlock
    this.#address = settled(libc.map(fd, this.#size), device, 'mmap', `${this.#size} bytes`)
    const memory = libc.view(this.#address, this.#size)
    this.#bytes = this.#source = new Uint8Array(memory)
    this.#words = new Uint32Array(memory)
    this.#status = new Int32Array(memory)
  }

  /** Adds packets to the batch, until it is full or there are no more. Throws PacketError TOO_LONG. */
  take(batch: PacketBatch): void {
    while (this.#takePending(batch)) {
      if (!this.#prepared && !this.#prepare()) return
      const length = this.#length
      if (length > 0 && !batch.add(this.#source, this.#data, length, length, this.#seconds, this.#nanos)) {
        this.#refuse(batch, length)
        return
      }
      this.#prepared = false
      Atomics.store(this.#status, (this.#frame * this.#frameSize) >> 2, TP_STATUS_KERNEL)
      this.#frame = (this.#frame + 1) % this.#frames
    }
  }

  /** Makes of the next frame what the wire would have carried. False where there is none. */
  #prepare(): boolean {
    const at = this.#frame * this.#frameSize
    const header = at >> 2
    const status = Atomics.load(this.#status, header + STATUS)
    if ((status & TP_STATUS_USER) === 0) return false
    const words = this.#words
    this.#prepared = true
    this.#seconds = words[header + SECONDS]!
    this.#nanos = words[header + NANOS]!
    this.#length = words[header + LENGTH]!
    this.#source = this.#bytes
    this.#data = at + (words[header + MAC]! & 0xffff)
    if (words[header + CAPTURED]! !== this.#length && !this.#readLarge(status)) {
      this.errors++
      this.#length = 0
      return true
    }
    // A tag takes the place of its last bytes.
    const todo = this.#source.slice(this.#data - VNET_HEADER_SIZE, this.#data)
    let shift = 0
    if (status & TP_STATUS_VLAN_VALID) {
      shift = VLAN_TAG_SIZE
      this.#insertTag(words[header + VLAN]!, (status & TP_STATUS_VLAN_TPID_VALID) !== 0)
    }
    if (isLarge(todo)) this.#cut(todo, shift)
    else if (todo[0]! & NEEDS_CHECKSUM) completeChecksum(this.#packet(), todo, shift)
    return true
  }

  #packet(): Uint8Array {
    return this.#source.subarray(this.#data, this.#data + this.#length)
  }

  /** The kernel takes VLAN tags out of frames. */
  #insertTag(tag: number, typed: boolean): void {
    const bytes = this.#source
    const to = this.#data - VLAN_TAG_SIZE
    bytes.copyWithin(to, this.#data, this.#data + ADDRESSES_SIZE)
    const type = typed ? tag >>> 16 : ETH_P_8021Q
    bytes.set([type >> 8, type & 0xff, (tag >> 8) & 0xff, tag & 0xff], to + ADDRESSES_SIZE)
    this.#data = to
    this.#length += VLAN_TAG_SIZE
  }

  #cut(todo: Uint8Array, shift: number): void {
    const parts = segments(this.#packet(), todo, shift)
    if (parts === undefined) this.errors++
    this.#pending = parts ?? []
    this.#taken = 0
    this.#length = 0
  }

  /** Reads the packet at hand from the socket's queue, where a frame was too small for it. */
  #readLarge(status: number): boolean {
    if ((status & TP_STATUS_COPY) === 0) return false
    if (this.#large.length === 0) this.#large = new Uint8Array(LARGEST)
    const got = this.#libc.read(this.#fd, this.#libc.address(this.#large), LARGEST)
    this.#source = this.#large
    this.#data = VNET_HEADER_SIZE
    return got === VNET_HEADER_SIZE + this.#length
  }

  #takePending(batch: PacketBatch): boolean {
    const pending = this.#pending
    const about = { seconds: this.#seconds, nanos: this.#nanos }
    for (; this.#taken < pending.length; this.#taken++) {
      const part = pending[this.#taken]!
      if (batch.push(part, about)) continue
      this.#refuse(batch, part.length)
      return false
    }
    return true
  }

  #refuse(batch: PacketBatch, length: number): void {
    if (batch.count === 0)
      throw new PacketError('TOO_LONG', `a packet of ${length} bytes does not fit the batch`)
  }

  free(): void {
    this.#prepared = false
    this.#pending = []
    this.#bytes = this.#source = new Uint8Array(0)
    this.#words = new Uint32Array(0)
    this.#status = new Int32Array(0)
    this.#libc.unmap(this.#address, this.#size)
  }
}
