import { PacketBatch } from './batch.ts'
import { PacketError } from './errors.ts'
import { LINKTYPE } from './link-type.ts'
import { PCAP_HEADER_SIZE, PCAP_MAGIC_MICROS, PCAP_MAGIC_NANOS, PCAP_RECORD_HEADER_SIZE } from './pcap.ts'
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE_DESCRIPTION,
  BLOCK_OVERHEAD,
  BLOCK_SECTION_HEADER,
  BYTE_ORDER_MAGIC,
  OPTION_END,
  OPTION_IF_DESCRIPTION,
  OPTION_IF_NAME,
  OPTION_IF_TSRESOL,
} from './pcapng.ts'
import type { CaptureInterface, PacketRecord } from './record.ts'
import { DEFAULT_MAX_PACKET_LENGTH } from './scanner.ts'

/** A packet to write; what is not said is: whole, at time 0, of interface 0. */
export type PacketToWrite = Pick<PacketRecord, 'data'> & Partial<Omit<PacketRecord, 'data' | 'linkType'>>

export interface WriteOptions {
  /** pcap by default */
  readonly format?: 'pcap' | 'pcapng'
  /** One for pcap, any number for pcapng; one of Ethernet by default. */
  readonly interfaces?: readonly CaptureInterface[]
  /** Whether pcap counts in nanoseconds and not in microseconds, as pcapng always does here; true by default. */
  readonly nanos?: boolean
  /** true by default */
  readonly littleEndian?: boolean
}

/** Makes the bytes of a capture piece by piece: the header once, then packets. Throws PacketError BAD_FIELD. */
export interface CaptureEncoder {
  readonly format: 'pcap' | 'pcapng'
  readonly interfaces: readonly CaptureInterface[]
  header(): Uint8Array
  packet(packet: PacketToWrite): Uint8Array
  batch(batch: PacketBatch): Uint8Array
}

/** Where one packet of a format goes. */
interface RecordFormat {
  header(): Uint8Array
  size(length: number): number
  /** Writes the headers of a packet whose bytes then go to the place answered. */
  write(view: DataView, at: number, about: Required<Omit<PacketToWrite, 'data'>>, length: number): number
}

/** An encoder for either format. */
export function createEncoder(options: WriteOptions = {}): CaptureEncoder {
  const interfaces = options.interfaces ?? [{ linkType: LINKTYPE.ETHERNET, snapLength: 0 }]
  const littleEndian = options.littleEndian ?? true
  const format = options.format ?? 'pcap'
  if (format === 'pcap' && interfaces.length !== 1) {
    throw new PacketError(
      'BAD_FIELD',
      `pcap has one interface, not ${interfaces.length}; pcapng has any number`,
      'interfaces',
    )
  }
  const { header, size, write } =
    format === 'pcap'
      ? pcapFormat(interfaces[0]!, options.nanos ?? true, littleEndian)
      : pcapngFormat(interfaces, littleEndian)

  return {
    format,
    interfaces,
    header,
    packet({ data, originalLength = data.length, seconds = 0, nanos = 0, interfaceId = 0 }) {
      const bytes = new Uint8Array(size(data.length))
      const about = { originalLength, seconds, nanos, interfaceId }
      bytes.set(data, write(new DataView(bytes.buffer), 0, about, data.length))
      return bytes
    },
    batch(batch) {
      const { offsets, lengths, originalLengths, seconds, nanos, interfaceIds } = batch.tables
      let total = 0
      for (let i = 0; i < batch.count; i++) total += size(lengths[i]!)
      const bytes = new Uint8Array(total)
      const view = new DataView(bytes.buffer)
      const about = { originalLength: 0, seconds: 0, nanos: 0, interfaceId: 0 }
      let at = 0
      for (let i = 0; i < batch.count; i++) {
        const length = lengths[i]!
        about.originalLength = originalLengths[i]!
        about.seconds = seconds[i]!
        about.nanos = nanos[i]!
        about.interfaceId = interfaceIds[i]!
        bytes.set(batch.buffer.subarray(offsets[i]!, offsets[i]! + length), write(view, at, about, length))
        at += size(length)
      }
      return bytes
    },
  }
}

/** A whole capture. */
export function encodeCapture(
  packets: Iterable<PacketToWrite> | PacketBatch,
  options: WriteOptions = {},
): Uint8Array {
  const encoder = createEncoder(options)
  const parts = [encoder.header()]
  if (packets instanceof PacketBatch) parts.push(encoder.batch(packets))
  else for (const packet of packets) parts.push(encoder.packet(packet))
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function pcapFormat(captured: CaptureInterface, nanos: boolean, littleEndian: boolean): RecordFormat {
  return {
    header() {
      const view = new DataView(new ArrayBuffer(PCAP_HEADER_SIZE))
      view.setUint32(0, nanos ? PCAP_MAGIC_NANOS : PCAP_MAGIC_MICROS, littleEndian)
      view.setUint16(4, 2, littleEndian)
      view.setUint16(6, 4, littleEndian)
      view.setUint32(16, captured.snapLength || DEFAULT_MAX_PACKET_LENGTH, littleEndian)
      view.setUint32(20, captured.linkType, littleEndian)
      return new Uint8Array(view.buffer)
    },
    size: (length) => PCAP_RECORD_HEADER_SIZE + length,
    write(view, at, about, length) {
      if (!(about.seconds >= 0 && about.seconds < 2 ** 32)) {
        throw new PacketError(
          'BAD_FIELD',
          `pcap has 32 bits for seconds, not enough for ${about.seconds}`,
          'seconds',
        )
      }
      view.setUint32(at, about.seconds, littleEndian)
      view.setUint32(at + 4, nanos ? about.nanos : Math.floor(about.nanos / 1000), littleEndian)
      view.setUint32(at + 8, length, littleEndian)
      view.setUint32(at + 12, about.originalLength, littleEndian)
      return at + PCAP_RECORD_HEADER_SIZE
    },
  }
}

const pad = (length: number): number => (length + 3) & ~3

function pcapngFormat(interfaces: readonly CaptureInterface[], littleEndian: boolean): RecordFormat {
  // An enhanced packet block: its own fields take 20 bytes.
  const size = (length: number): number => BLOCK_OVERHEAD + 20 + pad(length)
  return {
    header() {
      const blocks = [
        sectionHeader(littleEndian),
        ...interfaces.map((i) => interfaceDescription(i, littleEndian)),
      ]
      return new Uint8Array(blocks.flatMap((bytes) => [...bytes]))
    },
    size,
    write(view, at, about, length) {
      if (!(about.interfaceId >= 0 && about.interfaceId < interfaces.length)) {
        const said = `interface ${about.interfaceId} of ${interfaces.length}`
        throw new PacketError('BAD_FIELD', said, 'interfaceId')
      }
      // seconds * 10^9 + nanos in 64 bits, by parts that stay exact in doubles.
      const upper = Math.floor(about.seconds / 0x10000) * 1e9
      const lower = (about.seconds % 0x10000) * 1e9 + about.nanos + (upper % 0x10000) * 0x10000
      const high = Math.floor(upper / 0x10000) + Math.floor(lower / 2 ** 32)
      if (!(high >= 0 && high < 2 ** 32)) {
        throw new PacketError(
          'BAD_FIELD',
          `64 bits of nanoseconds are not enough for ${about.seconds}`,
          'seconds',
        )
      }
      view.setUint32(at, BLOCK_ENHANCED_PACKET, littleEndian)
      view.setUint32(at + 4, size(length), littleEndian)
      view.setUint32(at + 8, about.interfaceId, littleEndian)
      view.setUint32(at + 12, high, littleEndian)
      view.setUint32(at + 16, lower % 2 ** 32, littleEndian)
      view.setUint32(at + 20, length, littleEndian)
      view.setUint32(at + 24, about.originalLength, littleEndian)
      view.setUint32(at + size(length) - 4, size(length), littleEndian)
      return at + 28
    },
  }
}

function block(type: number, body: Uint8Array, littleEndian: boolean): Uint8Array {
  const length = BLOCK_OVERHEAD + body.length
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, littleEndian)
  view.setUint32(4, length, littleEndian)
  bytes.set(body, 8)
  view.setUint32(length - 4, length, littleEndian)
  return bytes
}

function sectionHeader(littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, BYTE_ORDER_MAGIC, littleEndian)
  view.setUint16(4, 1, littleEndian)
  view.setUint16(6, 0, littleEndian)
  view.setBigInt64(8, -1n, littleEndian) // the section's length is not known beforehand
  return block(BLOCK_SECTION_HEADER, new Uint8Array(view.buffer), littleEndian)
}

function interfaceDescription(captured: CaptureInterface, littleEndian: boolean): Uint8Array {
  const text = new TextEncoder()
  const options: [code: number, value: Uint8Array][] = []
  if (captured.name !== undefined) options.push([OPTION_IF_NAME, text.encode(captured.name)])
  if (captured.description !== undefined)
    options.push([OPTION_IF_DESCRIPTION, text.encode(captured.description)])
  options.push([OPTION_IF_TSRESOL, Uint8Array.of(9)])
  options.push([OPTION_END, new Uint8Array(0)])
  const body = new Uint8Array(8 + options.reduce((sum, [, value]) => sum + 4 + pad(value.length), 0))
  const view = new DataView(body.buffer)
  view.setUint16(0, captured.linkType, littleEndian)
  view.setUint32(4, captured.snapLength, littleEndian)
  let at = 8
  for (const [code, value] of options) {
    view.setUint16(at, code, littleEndian)
    view.setUint16(at + 2, value.length, littleEndian)
    body.set(value, at + 4)
    at += 4 + pad(value.length)
  }
  return block(BLOCK_INTERFACE_DESCRIPTION, body, littleEndian)
}
