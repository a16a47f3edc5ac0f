import type { PacketSink } from './batch.ts'
import { PcapError } from './errors.ts'
import type { CaptureInterface } from './record.ts'
import { type CaptureScanner, DEFAULT_MAX_PACKET_LENGTH, type ScanOptions } from './scanner.ts'

// The classic format, as draft-ietf-opsawg-pcap describes it: a file header of 24 bytes, then records of a 16-byte header
// and the captured bytes. The writer's byte order shows in the magic number, which also tells the unit of fractions.
export const PCAP_MAGIC_MICROS = 0xa1b2c3d4
export const PCAP_MAGIC_NANOS = 0xa1b23c4d
export const PCAP_HEADER_SIZE = 24
export const PCAP_RECORD_HEADER_SIZE = 16

/** The byte order of a pcap file that begins with these four bytes, and its unit, or undefined if it is none. */
export function pcapMagic(view: DataView): { littleEndian: boolean; nanos: boolean } | undefined {
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian)
    if (magic === PCAP_MAGIC_MICROS || magic === PCAP_MAGIC_NANOS) {
      return { littleEndian, nanos: magic === PCAP_MAGIC_NANOS }
    }
  }
  return undefined
}

/** Reads the classic pcap format, versions 2.4, of either byte order, in microseconds or nanoseconds. */
export class PcapScanner implements CaptureScanner {
  readonly format = 'pcap'
  readonly interfaces: CaptureInterface[] = []
  position = 0
  refused = false
  readonly #maxPacketLength: number
  #littleEndian = true
  /** Nanoseconds in a unit of the record's fraction. */
  #unit = 1000

  /** Of the records, once the header is read. */
  get littleEndian(): boolean {
    return this.#littleEndian
  }

  /** Nanoseconds in a unit of the records' fractions of a second. */
  get unit(): number {
    return this.#unit
  }

  constructor(options: ScanOptions = {}) {
    this.#maxPacketLength = options.maxPacketLength ?? DEFAULT_MAX_PACKET_LENGTH
  }

  scan(bytes: Uint8Array, start: number, end: number, sink: PacketSink): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const littleEndian = this.#littleEndian
    const unit = this.#unit
    this.refused = false
    if (this.interfaces.length === 0) {
      if (end - start < PCAP_HEADER_SIZE) return start
      this.#readHeader(new DataView(bytes.buffer, bytes.byteOffset + start, PCAP_HEADER_SIZE))
      this.position = PCAP_HEADER_SIZE
      return this.scan(bytes, start + PCAP_HEADER_SIZE, end, sink)
    }
    let at = start
    while (end - at >= PCAP_RECORD_HEADER_SIZE) {
      const length = view.getUint32(at + 8, littleEndian)
      if (length > this.#maxPacketLength) {
        if (at > start) break
        throw new PcapError(
          'PCAP_LENGTH',
          this.position,
          `the record claims ${length} captured bytes, more than the limit of ${this.#maxPacketLength}`,
        )
      }
      const data = at + PCAP_RECORD_HEADER_SIZE
      if (data + length > end) break
      let seconds = view.getUint32(at, littleEndian)
      let nanos = view.getUint32(at + 4, littleEndian) * unit
      if (nanos >= 1e9) {
        const carry = Math.floor(nanos / 1e9)
        seconds += carry
        nanos -= carry * 1e9
      }
      const original = view.getUint32(at + 12, littleEndian)
      if (!sink.add(bytes, data, length, original, seconds, nanos, 0)) {
        this.refused = true
        break
      }
      at = data + length
    }
    this.position += at - start
    return at
  }

  finish(rest: number): void {
    if (this.interfaces.length === 0) {
      throw new PcapError(
        'PCAP_TRUNCATED',
        this.position,
        `the capture ends after ${rest} bytes of its ${PCAP_HEADER_SIZE}-byte header`,
      )
    }
    if (rest > 0) {
      const what = rest < PCAP_RECORD_HEADER_SIZE ? "the record's header" : 'the packet'
      throw new PcapError(
        'PCAP_TRUNCATED',
        this.position,
        `the capture ends inside ${what}, ${rest} bytes into its last record`,
      )
    }
  }

  #readHeader(view: DataView): void {
    const magic = pcapMagic(view)
    if (!magic) {
      throw new PcapError(
        'PCAP_MAGIC',
        0,
        `0x${view.getUint32(0).toString(16).padStart(8, '0')} begins no pcap file`,
      )
    }
    const { littleEndian, nanos } = magic
    const major = view.getUint16(4, littleEndian)
    const minor = view.getUint16(6, littleEndian)
    if (major !== 2 || minor !== 4) {
      throw new PcapError('PCAP_VERSION', 4, `version ${major}.${minor}; only 2.4 is read`)
    }
    this.#littleEndian = littleEndian
    this.#unit = nanos ? 1 : 1000
    // The upper half tells of frame check sequences at the packets' ends.
    this.interfaces.push({
      linkType: view.getUint32(20, littleEndian) & 0xffff,
      snapLength: view.getUint32(16, littleEndian),
    })
  }
}
