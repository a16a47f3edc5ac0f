/** What captures are read from: all bytes at once, or chunks of any size. */
export type CaptureSource =
  | Uint8Array
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | ByteSource

/** Fills a buffer that the reader gives. */
export interface ByteSource {
  /** Writes some bytes to `into` and answers how many; 0 only at the end. */
  read(into: Uint8Array): number | Promise<number>
  close?(): void | Promise<void>
}

/** One form for all sources that come in chunks. */
export function byteSource(source: Exclude<CaptureSource, Uint8Array>): ByteSource {
  if ('read' in source) return source
  if ('getReader' in source) {
    const reader = source.getReader()
    return chunked(
      () => reader.read(),
      () => reader.cancel(),
    )
  }
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  return chunked(
    () => iterator.next(),
    async () => void (await iterator.return?.()),
  )
}

type Chunk = { done?: boolean | undefined; value?: Uint8Array | undefined | void }

function chunked(next: () => Chunk | Promise<Chunk>, close: () => Promise<void>): ByteSource {
  let chunk: Uint8Array = new Uint8Array(0)
  let used = 0
  return {
    async read(into) {
      while (used === chunk.length) {
        const { done, value } = await next()
        if (done || !value) return 0
        chunk = value
        used = 0
      }
      const size = Math.min(into.length, chunk.length - used)
      into.set(chunk.subarray(used, used + size))
      used += size
      return size
    },
    close,
  }
}
