import type { PacketBatch, PacketSink } from './batch.ts'
import { type ByteSource, byteSource, type CaptureSource } from './byte-source.ts'
import { createScanner, finishScan, type ParseOptions, RecordSink } from './capture.ts'
import { PacketError } from './errors.ts'
import type { CaptureInterface, PacketRecord } from './record.ts'
import type { CaptureScanner } from './scanner.ts'

export interface ReadOptions extends ParseOptions {
  /** Bytes asked of the source at once, and the size of the reader's buffer until a longer record comes; 1 MiB by default. */
  readonly chunkSize?: number
}

/**
 * Reads a capture of either format and any size from a source that comes piece by piece. It holds one chunk, or one
 * record where that is longer: memory is bounded by `chunkSize`, and by `maxPacketLength` and pcapng's 16 MiB a block.
 */
export class CaptureReader implements AsyncIterable<PacketRecord>, AsyncDisposable {
  readonly #source: ByteSource | undefined
  readonly #options: ParseOptions
  readonly #scanner: CaptureScanner
  /** What is read and not yet consumed is buffer[start, end). */
  #buffer: Uint8Array
  #start: number
  #end: number
  #ended: boolean
  #closed = false

  /** @internal Made by `openCapture`. */
  constructor(
    source: ByteSource | undefined,
    scanner: CaptureScanner,
    buffer: Uint8Array,
    end: number,
    ended: boolean,
    options: ParseOptions,
  ) {
    this.#source = source
    this.#scanner = scanner
    this.#buffer = buffer
    this.#start = 0
    this.#end = end
    this.#ended = ended
    this.#options = options
  }

  get format(): 'pcap' | 'pcapng' {
    return this.#scanner.format
  }

  /** Those described so far; in pcapng further ones may follow between packets. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#scanner.interfaces
  }

  /**
   * Clears the batch, fills it with the packets that come next, and answers how many these are: as many as there are in
   * a chunk and fit; 0 only at the end. Throws PcapError, and PacketError TOO_LONG if a packet does not fit the batch.
   */
  async readInto(batch: PacketBatch): Promise<number> {
    batch.clear()
    while (!this.#closed) {
      try {
        while (this.#start < this.#end && this.#stagedScan(batch) > 0 && !this.#scanner.refused);
        // A record longer than what was staged, or than what the staged records leave free, goes by itself.
        if (batch.count === 0) this.#scan(batch)
      } catch (error) {
        // What came before a bad record is delivered first; the next scan meets it again.
        if (batch.count === 0) throw error
      }
      if (batch.count > 0) return batch.count
      if (this.#scanner.refused) {
        throw new PacketError(
          'TOO_LONG',
          `the packet at offset ${this.#scanner.position} does not fit the batch`,
        )
      }
      if (!(await this.#fill())) break
    }
    return 0
  }

  /** The packets, each with bytes of its own. Ending the iteration closes the reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PacketRecord, void, undefined> {
    const sink = new RecordSink(this.#scanner, true)
    try {
      while (!this.#closed) {
        sink.records.length = 0
        this.#scan(sink)
        yield* sink.records
        if (sink.records.length === 0 && !(await this.#fill())) break
      }
    } finally {
      await this.close()
    }
  }

  /** Closes the source; what comes after is the end. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#source?.close?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #scan(sink: PacketSink): void {
    this.#start = this.#scanner.scan(this.#buffer, this.#start, this.#end, sink)
  }

  /** Answers how many bytes it consumed. */
  #stagedScan(batch: PacketBatch): number {
    const { from, to } = batch.stage(this.#buffer, this.#start, this.#end)
    let used = 0
    try {
      used = this.#scanner.scan(batch.buffer, from, to, batch) - from
    } finally {
      batch.unstage(used)
    }
    this.#start += used
    return used
  }

  /** Reads on, and answers false at the end. */
  async #fill(): Promise<boolean> {
    if (this.#ended || !this.#source) {
      finishScan(this.#scanner, this.#end - this.#start, this.#options)
      return false
    }
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end)
      this.#end -= this.#start
      this.#start = 0
    }
    if (this.#end === this.#buffer.length) {
      const longer = new Uint8Array(this.#buffer.length * 2)
      longer.set(this.#buffer)
      this.#buffer = longer
    }
    const size = await this.#source.read(this.#buffer.subarray(this.#end))
    this.#ended = size === 0
    this.#end += size
    return true
  }
}

/**
 * Opens a capture of either format. Throws PcapError if it does not begin like one, and, with the methods of the reader,
 * at its first bad record.
 */
export async function openCapture(source: CaptureSource, options: ReadOptions = {}): Promise<CaptureReader> {
  if (source instanceof Uint8Array) {
    return new CaptureReader(undefined, createScanner(source, options), source, source.length, true, options)
  }
  const bytes = byteSource(source)
  const buffer = new Uint8Array(Math.max(options.chunkSize ?? 1 << 20, 64))
  let end = 0
  let ended = false
  try {
    while (end < 4 && !ended) {
      const size = await bytes.read(buffer.subarray(end))
      end += size
      ended = size === 0
    }
    return new CaptureReader(
      bytes,
      createScanner(buffer.subarray(0, end), options),
      buffer,
      end,
      ended,
      options,
    )
  } catch (error) {
    await bytes.close?.()
    throw error
  }
}

/** The packets of a capture of either format, read as they are asked for, each with bytes of its own. */
export async function* readCapture(
  source: CaptureSource,
  options: ReadOptions = {},
): AsyncGenerator<PacketRecord, void, undefined> {
  yield* await openCapture(source, options)
}
