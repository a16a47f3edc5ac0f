import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import process from 'node:process'

/** Bytes that stay as they are until everybody who kept them has let them go. */
export interface Held {
  /** Keeps the bytes; the result, called once, lets them go. Undefined where they stay in any case. */
  keep(): (() => void) | undefined
}

/** Who gets what arrives at a stream, in the place of its readable side. */
export interface StreamReader {
  /** False: enough for now, until `resume`. */
  data(bytes: Uint8Array, held: Held): boolean
  end(): void
}

/** Who gets what is written to a stream, before it goes out. Calls back when it is done with it. */
export type StreamWriter = (
  bytes: Uint8Array,
  pass: (bytes: Uint8Array, done: WriteDone) => void,
  done: WriteDone,
) => void
export type WriteDone = (error?: Error | null) => void

/** Bytes that are read at once: larger pieces are fewer runs and system calls. */
const READ_SIZE = 1 << 18
/** Buffers that wait for the next reader. */
const MOST_FREE = 16

const free: ReadBuffer[] = []

/** A buffer that the system reads into, used again and again. */
class ReadBuffer implements Held {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(READ_SIZE)
  users = 0
  readonly #release = (): void => this.release()

  keep(): () => void {
    this.users++
    return this.#release
  }

  release(): void {
    if (--this.users === 0 && free.length < MOST_FREE) free.push(this)
  }
}

const takeBuffer = (): ReadBuffer => {
  const buffer = free.pop() ?? new ReadBuffer()
  buffer.users = 1
  return buffer
}

const STAYS: Held = { keep: () => undefined }

/** What of a socket is not public: a buffer of the reader's own is an option of its constructor alone. */
interface Internals {
  _handle?: { useUserBuffer?: (buffer: Uint8Array) => void; reading?: boolean } | null
  _read(size: number): void
  _write(chunk: unknown, encoding: string, done: WriteDone): void
  _writev?: (chunks: { chunk: unknown; encoding: string }[], done: WriteDone) => void
  push(chunk: Uint8Array | null): boolean
  [symbol: symbol]: unknown
}

const taps = new WeakMap<Socket, StreamTap>()

/** Stands between a stream and its handle. Made once for a stream, and without a reader it changes nothing. */
export class StreamTap {
  readonly socket: Socket
  reader: StreamReader | undefined
  writer: StreamWriter | undefined
  readonly #internals: Internals
  readonly #push: Internals['push']
  readonly #read: Internals['_read']
  readonly #raw = new WeakSet<object>()
  #blocked = false
  #buffer: ReadBuffer | undefined
  /** Closed, after it had a buffer of ours. */
  #gone = false
  /** Called when the stream's own consumer has room again. */
  readonly #waiters = new Set<() => void>()

  static of(socket: Socket): StreamTap {
    let tap = taps.get(socket)
    if (!tap) taps.set(socket, (tap = new StreamTap(socket)))
    return tap
  }

  private constructor(socket: Socket) {
    this.socket = socket
    const internals = socket as unknown as Internals
    this.#internals = internals
    this.#push = internals.push
    this.#read = internals._read
    const [write, writev] = [internals._write, internals._writev]
    internals.push = (chunk) => this.#arrived(chunk)
    internals._read = (size) => this.#wanted(size)
    internals._write = (chunk, encoding, done) => {
      if (!this.writer || this.#isRaw(chunk)) write.call(socket, chunk, encoding, done)
      else this.#written([{ chunk, encoding }], done, write)
    }
    if (writev)
      internals._writev = (chunks, done) => {
        if (!this.writer || chunks.every(({ chunk }) => this.#isRaw(chunk))) writev.call(socket, chunks, done)
        else if (chunks.some(({ chunk }) => this.#isRaw(chunk))) this.#one(chunks, 0, done)
        else this.#written(chunks, done, write)
      }
  }

  /** The host has bytes read into a buffer of its own (`onread`): nobody else sees them. */
  get isReadElsewhere(): boolean {
    const own = Object.getOwnPropertySymbols(this.socket).find((one) => one.description === 'kBuffer')
    return own !== undefined && !this.#buffer && this.#internals[own] !== null && !this.#gone
  }

  /** Begins to read for `reader`: with a buffer of its own, where the socket has a handle that takes one. */
  start(reader: StreamReader): void {
    this.reader = reader
    this.#useOwnBuffer()
    // What came before the reader did.
    const waiting = this.socket.readableLength > 0 ? (this.socket.read() as Buffer | null) : null
    if (waiting) this.#blocked = !reader.data(waiting, STAYS)
    if (!this.#blocked) this.#read.call(this.socket, READ_SIZE)
  }

  /** The stream is its owner's again. */
  stop(): void {
    this.reader = undefined
    this.resume()
  }

  resume(): void {
    this.#blocked = false
    if (!this.socket.destroyed) this.#read.call(this.socket, READ_SIZE)
  }

  /** Bytes for the stream's own consumer, as if they had arrived; false when it has enough: `then` is called when not. */
  deliver(bytes: Uint8Array, then: () => void): boolean {
    if (this.socket.destroyed || this.socket.readableEnded) return true
    try {
      if (this.#push.call(this.socket, bytes)) return true
    } catch (error) {
      // A listener's own: it ends up where it would without a tap, and the messages behind are not lost.
      process.nextTick(() => {
        throw error
      })
      return true
    }
    this.#waiters.add(then)
    return false
  }

  /** Writes past `writer`. */
  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.writer) this.#raw.add(bytes)
    return this.socket.write(bytes, done)
  }

  /** Chunk by chunk: some are for `writer`, and some are past it. */
  #one(
    chunks: readonly { readonly chunk: unknown; readonly encoding: string }[],
    n: number,
    done: WriteDone,
  ): void {
    const next = chunks[n]
    if (!next) {
      done()
      return
    }
    this.#internals._write(next.chunk, next.encoding, (error) =>
      error ? done(error) : this.#one(chunks, n + 1, done),
    )
  }

  #isRaw(chunk: unknown): boolean {
    return typeof chunk === 'object' && chunk !== null && this.#raw.has(chunk)
  }

  #useOwnBuffer(): void {
    const { _handle: handle } = this.#internals
    if (this.#buffer || typeof handle?.useUserBuffer !== 'function' || this.socket.connecting) return
    const symbols = new Map(Object.getOwnPropertySymbols(this.socket).map((one) => [one.description, one]))
    const [own, call, next] = [symbols.get('kBuffer'), symbols.get('kBufferCb'), symbols.get('kBufferGen')]
    // A later Node may have them no more: then chunks come through `push`.
    if (!own || !call || !next || this.#internals[own] !== null) return
    let buffer = takeBuffer()
    this.#buffer = buffer
    this.#internals[own] = buffer.bytes
    this.#internals[call] = (count: number): boolean => {
      const now = buffer
      const more = this.#came(now.bytes.subarray(0, count), now)
      // Somebody still writes out of it.
      if (now.users > 1) this.#buffer = buffer = takeBuffer()
      if (now !== buffer) now.release()
      return more
    }
    this.#internals[next] = (): Uint8Array => buffer.bytes
    handle.useUserBuffer(buffer.bytes)
    this.socket.once('close', () => {
      this.#buffer?.release()
      this.#buffer = undefined
      this.#gone = true
    })
  }

  #came(bytes: Uint8Array, held: Held): boolean {
    const { reader } = this
    if (!reader) return this.#push.call(this.socket, held === STAYS ? bytes : Buffer.from(bytes))
    this.#blocked = !reader.data(bytes, held)
    return !this.#blocked
  }

  #arrived(chunk: Uint8Array | null): boolean {
    if (chunk !== null) return this.#came(chunk, STAYS)
    this.reader?.end()
    return this.#push.call(this.socket, null)
  }

  /** The stream's consumer asks for more. */
  #wanted(size: number): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter()
    if (!this.#blocked || !this.reader) this.#read.call(this.socket, size)
  }

  #written(
    chunks: readonly { readonly chunk: unknown; readonly encoding: string }[],
    done: WriteDone,
    write: Internals['_write'],
  ): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding as 'utf8') : (chunk as Uint8Array),
    )
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    this.writer!(bytes, (rest, then) => write.call(this.socket, rest, 'buffer', then), done)
  }
}
