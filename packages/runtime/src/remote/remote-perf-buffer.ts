import type { HostMap, PerfBuffer, PerfRecord } from '@skep/maps'
import type { RemotePerf } from '@skep/registry'

/** Samples of a perf event array that lies outside of the arena; see `PerfBuffer` of @skep/maps. */
export class RemotePerfBuffer implements Pick<PerfBuffer, keyof PerfBuffer> {
  readonly map: HostMap
  readonly #perf: RemotePerf
  #closed = false

  constructor(map: HostMap, perf: RemotePerf) {
    this.map = map
    this.#perf = perf
  }

  consume(take: (record: PerfRecord) => unknown, limit: number = Number.POSITIVE_INFINITY): number {
    if (this.#closed) return 0
    return this.#perf.read((cpu, data, lost) => !this.#closed && take({ cpu, data, lost }), limit)
  }

  /** Losses come with the records. */
  get lost(): number {
    return 0
  }

  get closed(): boolean {
    return this.#closed
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PerfRecord, void, undefined> {
    while (!this.#closed) {
      let record: PerfRecord | undefined
      this.consume((found) => {
        record = { ...found, data: found.data.slice() }
      }, 1)
      if (record) yield record
      else await this.#perf.wait()
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#perf.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
