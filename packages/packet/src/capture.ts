import type { PacketSink } from './batch.ts'
import { PcapError } from './errors.ts'
import { PcapScanner, pcapMagic } from './pcap.ts'
import { BLOCK_SECTION_HEADER, PcapngScanner } from './pcapng.ts'
import type { CaptureInterface, PacketRecord } from './record.ts'
import type { CaptureScanner, ScanOptions } from './scanner.ts'

export interface ParseOptions extends ScanOptions {
  /** Whether a capture that ends inside a record ends with the record before, without an error; false by default. */
  readonly tolerateTruncation?: boolean
}

/** A capture in memory; it can be iterated over again and again. */
export interface Capture extends Iterable<PacketRecord> {
  readonly format: 'pcap' | 'pcapng'
  /** Those described before the first packet, and during an iteration also those met since. */
  readonly interfaces: readonly CaptureInterface[]
}

/** The scanner for a capture that begins with these four bytes or more. Throws PcapError PCAP_MAGIC, PCAP_TRUNCATED. */
export function createScanner(begin: Uint8Array, options: ScanOptions = {}): CaptureScanner {
  if (begin.length < 4) {
    throw new PcapError(
      'PCAP_TRUNCATED',
      0,
      `the capture ends after ${begin.length} bytes, too few for any format`,
    )
  }
  const view = new DataView(begin.buffer, begin.byteOffset, begin.byteLength)
  const magic = view.getUint32(0)
  if (magic === BLOCK_SECTION_HEADER) return new PcapngScanner(options)
  if (pcapMagic(view)) return new PcapScanner(options)
  const shown = magic.toString(16).padStart(8, '0')
  throw new PcapError('PCAP_MAGIC', 0, `0x${shown} begins neither a pcap nor a pcapng capture`)
}

/** Ends a scan, with `rest` bytes over, as the options say. */
export function finishScan(scanner: CaptureScanner, rest: number, options: ParseOptions): void {
  // Without its header a capture is none, whatever is tolerated.
  if (!options.tolerateTruncation || scanner.position === 0) scanner.finish(rest)
}

/**
 * Reads a capture of either format. The records' data are views of `bytes`.
 * Throws PcapError at once if the header is bad, and while iterating, at the first bad record.
 */
export const parseCapture = (bytes: Uint8Array, options: ParseOptions = {}): Capture =>
  new MemoryCapture(bytes, () => createScanner(bytes, options), options)

/** Reads a classic pcap capture; else like `parseCapture`. */
export const parsePcap = (bytes: Uint8Array, options: ParseOptions = {}): Capture =>
  new MemoryCapture(bytes, () => new PcapScanner(options), options)

/** Reads a pcapng capture; else like `parseCapture`. */
export const parsePcapng = (bytes: Uint8Array, options: ParseOptions = {}): Capture =>
  new MemoryCapture(bytes, () => new PcapngScanner(options), options)

/** Collects the packets of a scan as records, some hundred at once; `copy` gives each bytes of its own. */
export class RecordSink implements PacketSink {
  readonly records: PacketRecord[] = []
  readonly #scanner: CaptureScanner
  readonly #copy: boolean

  constructor(scanner: CaptureScanner, copy: boolean) {
    this.#scanner = scanner
    this.#copy = copy
  }

  add(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanos: number,
    interfaceId: number,
  ): boolean {
    if (this.records.length === 256) return false
    const end = offset + length
    const data = this.#copy ? bytes.slice(offset, end) : bytes.subarray(offset, end)
    const { linkType } = this.#scanner.interfaces[interfaceId]!
    this.records.push({ data, seconds, nanos, originalLength, interfaceId, linkType })
    return true
  }
}

class MemoryCapture implements Capture {
  readonly #bytes: Uint8Array
  readonly #create: () => CaptureScanner
  readonly #options: ParseOptions
  #latest: CaptureScanner

  constructor(bytes: Uint8Array, create: () => CaptureScanner, options: ParseOptions) {
    this.#bytes = bytes
    this.#create = create
    this.#options = options
    this.#latest = create()
    // Refusing the first packet, to read what stands before it.
    this.#latest.scan(bytes, 0, bytes.length, { add: () => false })
    if (this.#latest.position === 0) this.#latest.finish(bytes.length)
  }

  get format(): 'pcap' | 'pcapng' {
    return this.#latest.format
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#latest.interfaces
  }

  *[Symbol.iterator](): Iterator<PacketRecord> {
    const bytes = this.#bytes
    const scanner = this.#create()
    this.#latest = scanner
    const sink = new RecordSink(scanner, false)
    let at = 0
    for (let next = 0; ; at = next) {
      sink.records.length = 0
      next = scanner.scan(bytes, at, bytes.length, sink)
      yield* sink.records
      if (next === at) break
    }
    finishScan(scanner, bytes.length - at, this.#options)
  }
}
