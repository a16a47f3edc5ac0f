import type { PacketSink } from './batch.ts'
import { PcapError } from './errors.ts'
import { type Clock, createClock, plainTicks } from './pcapng-time.ts'
import type { CaptureInterface } from './record.ts'
import { type CaptureScanner, DEFAULT_MAX_PACKET_LENGTH, type ScanOptions } from './scanner.ts'

// The format is draft-ietf-opsawg-pcapng's: blocks of a type, a length, a body, and the length again, in the byte order
// that the section's header shows.
export const BLOCK_SECTION_HEADER = 0x0a0d0d0a
export const BLOCK_INTERFACE_DESCRIPTION = 1
export const BLOCK_PACKET = 2
export const BLOCK_SIMPLE_PACKET = 3
export const BLOCK_ENHANCED_PACKET = 6
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

export const OPTION_END = 0
export const OPTION_IF_NAME = 2
export const OPTION_IF_DESCRIPTION = 3
export const OPTION_IF_TSRESOL = 9
export const OPTION_IF_TSOFFSET = 14

/** Type, length, and the length again. */
export const BLOCK_OVERHEAD = 12

const MAX_BLOCK_LENGTH = 1 << 24
const MAX_INTERFACES = 1 << 16

/** Reads pcapng: any number of sections of either byte order and interfaces; blocks of other kinds are passed over. */
export class PcapngScanner implements CaptureScanner {
  readonly format = 'pcapng'
  readonly interfaces: CaptureInterface[] = []
  position = 0
  refused = false
  readonly #maxPacketLength: number
  readonly #clocks: Clock[] = []
  #littleEndian = true
  #inSection = false
  /** The place in `interfaces` of the section's interface 0. */
  #firstInterface = 0
  /** Bytes of a block's body yet to be passed over, and the length that must follow; 0: in no such block. */
  #passing = 0
  #passingLength = 0

  /** Ticks of each interface's clock in a second; 0 where the clock has an offset, or more ticks than 32 bits hold. */
  readonly ticks: number[] = []

  /** Of the section. */
  get littleEndian(): boolean {
    return this.#littleEndian
  }

  /** The place in `interfaces` of the section's interface 0. */
  get firstInterface(): number {
    return this.#firstInterface
  }

  constructor(options: ScanOptions = {}) {
    this.#maxPacketLength = options.maxPacketLength ?? DEFAULT_MAX_PACKET_LENGTH
  }

  scan(bytes: Uint8Array, start: number, end: number, sink: PacketSink): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = start
    this.refused = false
    try {
      for (;;) {
        const next = this.#block(bytes, view, at, end, sink)
        if (next === at) break
        this.position += next - at
        at = next
      }
    } catch (error) {
      // What came before is delivered first; the next scan begins with the block at fault.
      if (at === start || !(error instanceof PcapError)) throw error
    }
    return at
  }

  finish(rest: number): void {
    if (!this.#inSection) {
      throw new PcapError('PCAP_TRUNCATED', this.position, 'the capture ends inside its section header')
    }
    if (rest > 0 || this.#passingLength > 0) {
      throw new PcapError('PCAP_TRUNCATED', this.position, 'the capture ends inside a block')
    }
  }

  /** Takes one block, or a part of one that is passed over; answers where it ends, or `at` if it is not whole. */
  #block(bytes: Uint8Array, view: DataView, at: number, end: number, sink: PacketSink): number {
    if (this.#passingLength > 0) return this.#pass(view, at, end)
    if (end - at < BLOCK_OVERHEAD) return at
    const type = view.getUint32(at, this.#littleEndian)
    if (type === BLOCK_SECTION_HEADER) return this.#section(view, at, end)
    if (!this.#inSection) {
      throw new PcapError(
        'PCAP_MAGIC',
        this.position,
        `a pcapng capture begins with a section header, not with block type ${type}`,
      )
    }
    const length = this.#length(view, at)
    switch (type) {
      case BLOCK_ENHANCED_PACKET:
      case BLOCK_PACKET:
      case BLOCK_SIMPLE_PACKET:
      case BLOCK_INTERFACE_DESCRIPTION:
        break
      default:
        this.#passing = length - BLOCK_OVERHEAD
        this.#passingLength = length
        return at + 8
    }
    if (!this.#whole(view, at, end, length)) return at
    const from = at + 8
    const to = at + length - 4
    if (type === BLOCK_INTERFACE_DESCRIPTION) this.#interface(view, from, to)
    else if (!this.#packet(bytes, view, from, to, type, sink)) {
      this.refused = true
      return at
    }
    return at + length
  }

  #length(view: DataView, at: number): number {
    const length = view.getUint32(at + 4, this.#littleEndian)
    if (length < BLOCK_OVERHEAD || length % 4 !== 0) {
      throw new PcapError(
        'PCAP_BLOCK',
        this.position,
        `a block of ${length} bytes: not a multiple of 4 from ${BLOCK_OVERHEAD} on`,
      )
    }
    return length
  }

  /** Whether the block is here to its end, where its length must stand again. */
  #whole(view: DataView, at: number, end: number, length: number): boolean {
    if (length > MAX_BLOCK_LENGTH) {
      throw new PcapError(
        'PCAP_LENGTH',
        this.position,
        `a block of ${length} bytes, more than ${MAX_BLOCK_LENGTH}`,
      )
    }
    if (end - at < length) return false
    this.#checkTrailer(view.getUint32(at + length - 4, this.#littleEndian), length)
    return true
  }

  #checkTrailer(trailer: number, length: number): void {
    if (trailer !== length) {
      throw new PcapError(
        'PCAP_BLOCK',
        this.position,
        `the block's length is ${length} at its begin and ${trailer} at its end`,
      )
    }
  }

  #pass(view: DataView, at: number, end: number): number {
    if (this.#passing > 0) {
      const step = Math.min(this.#passing, end - at)
      this.#passing -= step
      return at + step
    }
    if (end - at < 4) return at
    this.#checkTrailer(view.getUint32(at, this.#littleEndian), this.#passingLength)
    this.#passingLength = 0
    return at + 4
  }

  #section(view: DataView, at: number, end: number): number {
    const littleEndian = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC
    if (!littleEndian && view.getUint32(at + 8, false) !== BYTE_ORDER_MAGIC) {
      throw new PcapError('PCAP_MAGIC', this.position + 8, 'the section header has no byte-order magic')
    }
    const before = this.#littleEndian
    this.#littleEndian = littleEndian
    try {
      const length = this.#length(view, at)
      if (length < 28)
        throw new PcapError(
          'PCAP_BLOCK',
          this.position,
          `a section header of ${length} bytes; it has 28 at least`,
        )
      if (!this.#whole(view, at, end, length)) {
        this.#littleEndian = before
        return at
      }
      const major = view.getUint16(at + 12, littleEndian)
      const minor = view.getUint16(at + 14, littleEndian)
      if (major !== 1 || (minor !== 0 && minor !== 2)) {
        throw new PcapError(
          'PCAP_VERSION',
          this.position + 12,
          `version ${major}.${minor}; only 1.0 and 1.2 are read`,
        )
      }
      this.#inSection = true
      this.#firstInterface = this.interfaces.length
      return at + length
    } catch (error) {
      this.#littleEndian = before
      throw error
    }
  }

  #interface(view: DataView, from: number, to: number): void {
    const littleEndian = this.#littleEndian
    if (to - from < 8)
      throw new PcapError('PCAP_BLOCK', this.position, 'an interface description without room for its fields')
    if (this.interfaces.length === MAX_INTERFACES) {
      throw new PcapError('PCAP_INTERFACE', this.position, `more than ${MAX_INTERFACES} interfaces`)
    }
    let name: string | undefined
    let description: string | undefined
    let resolution = 6
    let offset = 0
    for (const [code, at, length] of this.#options(view, from + 8, to)) {
      const text = () =>
        new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, length).slice())
      if (code === OPTION_IF_NAME) name = text()
      else if (code === OPTION_IF_DESCRIPTION) description = text()
      else if (code === OPTION_IF_TSRESOL && length >= 1) resolution = view.getUint8(at)
      else if (code === OPTION_IF_TSOFFSET && length >= 8) offset = Number(view.getBigInt64(at, littleEndian))
    }
    this.interfaces.push({
      linkType: view.getUint16(from, littleEndian),
      snapLength: view.getUint32(from + 4, littleEndian),
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    })
    this.#clocks.push(createClock(resolution, offset))
    this.ticks.push(offset === 0 ? plainTicks(resolution) : 0)
  }

  /** The options in a part of the view: code, place of the value, length. */
  *#options(
    view: DataView,
    from: number,
    to: number,
  ): Generator<readonly [code: number, at: number, length: number]> {
    const littleEndian = this.#littleEndian
    let next = from
    while (to - next >= 4) {
      const code = view.getUint16(next, littleEndian)
      const length = view.getUint16(next + 2, littleEndian)
      if (code === OPTION_END) return
      if (next + 4 + length > to) {
        throw new PcapError('PCAP_BLOCK', this.position, `option ${code} of ${length} bytes leaves its block`)
      }
      yield [code, next + 4, length]
      next += 4 + ((length + 3) & ~3)
    }
  }

  #packet(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    type: number,
    sink: PacketSink,
  ): boolean {
    const littleEndian = this.#littleEndian
    const simple = type === BLOCK_SIMPLE_PACKET
    const header = simple ? 4 : 20
    const data = from + header
    if (data > to)
      throw new PcapError('PCAP_BLOCK', this.position, 'a packet block without room for its fields')
    let local = 0
    if (type === BLOCK_PACKET) local = view.getUint16(from, littleEndian)
    else if (!simple) local = view.getUint32(from, littleEndian)
    const id = this.#firstInterface + local
    const described = this.interfaces[id]
    if (!described) {
      const count = this.interfaces.length - this.#firstInterface
      throw new PcapError(
        'PCAP_INTERFACE',
        this.position,
        `a packet of interface ${local}, where the section describes ${count}`,
      )
    }
    const original = view.getUint32(data - 4, littleEndian)
    // A simple packet block does not say how much of the packet it holds: what the interface's limit leaves.
    const length = simple
      ? Math.min(original, described.snapLength || original, to - data)
      : view.getUint32(data - 8, littleEndian)
    if (length > this.#maxPacketLength) {
      throw new PcapError(
        'PCAP_LENGTH',
        this.position,
        `the packet claims ${length} captured bytes, more than the limit of ${this.#maxPacketLength}`,
      )
    }
    if (data + length > to) {
      throw new PcapError(
        'PCAP_BLOCK',
        this.position,
        `${length} captured bytes in a block with room for ${to - data}`,
      )
    }
    if (simple) return sink.add(bytes, data, length, original, 0, 0, id)
    const clock = this.#clocks[id]!
    const seconds = clock.seconds(
      view.getUint32(from + 4, littleEndian),
      view.getUint32(from + 8, littleEndian),
    )
    return sink.add(bytes, data, length, original, seconds, clock.nanos, id)
  }
}
