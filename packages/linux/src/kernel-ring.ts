import type { RemotePerf, RemoteRing } from '@skep/registry'
import { enablePerfEvent, openPerfEvent } from './attach/perf.ts'
import type { Context, Handle } from './context.ts'
import { KernelError } from './errors.ts'
import type { KernelMap, MappedPages } from './kernel-map.ts'

const PAGE = 4096
/** BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT; the other bits are the length. */
const BUSY = 0x8000_0000
const DISCARDED = 0x4000_0000
const HEADER = 8
/** How long one wait for records may keep a thread of the pool. */
const WAIT_MILLISECONDS = 100

/** A position of a ring, which the other side changes: Atomics keep what is read before it in order. */
const position = (pages: MappedPages, at: number): BigUint64Array =>
  new BigUint64Array(pages.bytes.buffer, pages.bytes.byteOffset + at, 1)

/** What readers of rings in the kernel share: memory of the ring must not be seen once it is unmapped, so records are copied. */
class Copy {
  #bytes: Uint8Array = new Uint8Array(PAGE)
  memory: DataView = new DataView(this.#bytes.buffer)

  take(from: Uint8Array): Uint8Array {
    if (from.length > this.#bytes.length) {
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(from.length)))
      this.memory = new DataView(this.#bytes.buffer)
    }
    this.#bytes.set(from)
    return this.#bytes.subarray(0, from.length)
  }
}

/** The reader of a ring buffer map (kernel/bpf/ringbuf.c): positions in two pages, the data behind them twice. */
export class KernelRing implements RemoteRing {
  readonly #context: Context
  readonly #map: KernelMap
  readonly #consumer: MappedPages
  readonly #producer: MappedPages
  readonly #read: BigUint64Array
  readonly #written: BigUint64Array
  readonly #copy = new Copy()
  #closed = false

  constructor(context: Context, map: KernelMap) {
    this.#context = context
    this.#map = map
    this.#consumer = map.mapPages(PAGE)
    try {
      this.#producer = map.mapPages(PAGE + 2 * map.maxEntries, PAGE, false)
    } catch (error) {
      this.#consumer.close()
      throw error
    }
    this.#read = position(this.#consumer, 0)
    this.#written = position(this.#producer, 0)
  }

  get memory(): DataView {
    return this.#copy.memory
  }

  get available(): number {
    return this.#closed ? 0 : Number(Atomics.load(this.#written, 0) - Atomics.load(this.#read, 0))
  }

  read(take: (at: number, bytes: number) => unknown, limit: number): number {
    const { bytes: ring } = this.#producer
    const headers = new Int32Array(ring.buffer, ring.byteOffset, ring.length / 4)
    const mask = this.#map.maxEntries - 1
    let count = 0
    let at = Number(Atomics.load(this.#read, 0))
    while (!this.#closed && count < limit && at < Number(Atomics.load(this.#written, 0))) {
      const start = PAGE + ((at % 2 ** 31) & mask)
      const word = Atomics.load(headers, start / 4) >>> 0
      if (word >= BUSY) break
      const length = word % DISCARDED
      at += (length + HEADER + 7) & ~7
      const taken = word < DISCARDED
      if (taken) this.#copy.take(ring.subarray(start + HEADER, start + HEADER + length))
      Atomics.store(this.#read, 0, BigInt(at))
      if (!taken) continue
      count++
      if (take(0, length) === false) break
    }
    return count
  }

  async wait(): Promise<void> {
    if (!this.#closed && !this.#map.closed) await this.#context.ffi.poll([this.#map.fd], WAIT_MILLISECONDS)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#consumer.close()
    this.#producer.close()
  }
}

// include/uapi/linux/perf_event.h
const PERF_TYPE_SOFTWARE = 1
const PERF_COUNT_SW_BPF_OUTPUT = 10
const PERF_SAMPLE_RAW = 1 << 10
const PERF_RECORD_LOST = 2
const PERF_RECORD_SAMPLE = 9
const DATA_HEAD = 1024
const DATA_TAIL = 1032

interface CpuRing {
  readonly cpu: number
  readonly event: Handle
  readonly pages: MappedPages
  lost: number
}

/** The readers of a perf event array: one for each CPU that is there. */
export class KernelPerf implements RemotePerf {
  readonly #context: Context
  readonly #map: KernelMap
  readonly #bytes: number
  readonly #rings: CpuRing[] = []
  readonly #copy = new Copy()
  #closed = false

  constructor(context: Context, map: KernelMap, bytes: number) {
    this.#context = context
    this.#map = map
    this.#bytes = bytes
    try {
      for (let cpu = 0; cpu < Math.min(context.possibleCpus, map.maxEntries); cpu++) this.#open(cpu)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #open(cpu: number): void {
    const { ffi } = this.#context
    const what = `samples of map '${this.#map.name}' on CPU ${cpu}`
    let event: Handle
    try {
      const about = { type: PERF_TYPE_SOFTWARE, config: PERF_COUNT_SW_BPF_OUTPUT, period: 1, wakeupEvents: 1 }
      event = openPerfEvent(ffi, { ...about, sampleType: PERF_SAMPLE_RAW, pid: -1, cpu }, what)
    } catch (error) {
      // A CPU that is possible and not there.
      if (error instanceof KernelError && error.errno === 'ENODEV') return
      throw error
    }
    const at = ffi.map(event.fd, PAGE + this.#bytes, 0, true)
    if (at < 0) {
      event.close()
      throw new KernelError('EPERM', 'mmap', what, 'give fewer bytes, or raise kernel.perf_event_mlock_kb')
    }
    const close = (): void => ffi.unmap(at, PAGE + this.#bytes)
    const pages = { address: at, bytes: ffi.view(at, PAGE + this.#bytes), close, [Symbol.dispose]: close }
    this.#rings.push({ cpu, event, pages, lost: 0 })
    enablePerfEvent(ffi, event, what)
    const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)
    this.#map.update(word(cpu), word(event.fd))
  }

  read(take: (cpu: number, data: Uint8Array, lost: number) => unknown, limit: number): number {
    let count = 0
    let going = true
    for (const ring of this.#rings) {
      while (going && !this.#closed && count < limit) {
        const sample = this.#next(ring)
        if (!sample) break
        count++
        const { lost } = ring
        ring.lost = 0
        going = take(ring.cpu, sample, lost) !== false
      }
    }
    return count
  }

  /** The oldest sample of a CPU, copied. */
  #next(ring: CpuRing): Uint8Array | undefined {
    const head = position(ring.pages, DATA_HEAD)
    const tail = position(ring.pages, DATA_TAIL)
    for (;;) {
      const at = Number(tail[0])
      if (at >= Number(Atomics.load(head, 0))) return undefined
      const header = new DataView(this.#part(ring, at, 8).buffer)
      const size = header.getUint16(6, true)
      const record = this.#part(ring, at, size)
      const view = new DataView(record.buffer)
      Atomics.store(tail, 0, BigInt(at + size))
      const type = header.getUint32(0, true)
      if (type === PERF_RECORD_LOST) ring.lost += Number(view.getBigUint64(16, true))
      else if (type === PERF_RECORD_SAMPLE)
        return this.#copy.take(record.subarray(12, 12 + view.getUint32(8, true)))
    }
  }

  /** Bytes of the ring, put together where they go on at its start. */
  #part({ pages }: CpuRing, from: number, length: number): Uint8Array {
    const part = new Uint8Array(length)
    const start = from % this.#bytes
    const first = Math.min(length, this.#bytes - start)
    part.set(pages.bytes.subarray(PAGE + start, PAGE + start + first))
    part.set(pages.bytes.subarray(PAGE, PAGE + length - first), first)
    return part
  }

  async wait(): Promise<void> {
    if (this.#closed) return
    await this.#context.ffi.poll(
      this.#rings.map(({ event }) => event.fd),
      WAIT_MILLISECONDS,
    )
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { cpu, event, pages } of this.#rings) {
      if (!this.#map.closed) this.#map.delete(new Uint8Array(Uint32Array.of(cpu).buffer))
      pages.close()
      event.close()
    }
  }
}
