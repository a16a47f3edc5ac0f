import { GCProfiler } from 'node:v8'

export type Collect = (options?: { readonly type: 'minor' }) => void

/** What one act cost. */
export interface Cost {
  readonly milliseconds: number
  /** Bytes that were allocated, live at once or not: no less than the most that were live. */
  readonly allocated: number
  readonly error: unknown
}

/** Room in the young generation that an act finds: less than half of what the flags give it. */
const ROOM = 12 << 20

/**
 * Measures acts. The heap grows by what an act allocates as long as nothing is collected meanwhile, so there is room made
 * before: the process needs `--expose-gc` and a large young generation (`METER_FLAGS`).
 */
export class Meter {
  readonly #collect: Collect
  #since = 0

  constructor(collect: Collect) {
    this.#collect = collect
  }

  run(act: () => unknown): Cost {
    const used = process.memoryUsage()
    if (used.heapUsed + used.arrayBuffers - this.#since > ROOM || used.heapUsed < this.#since)
      this.#makeRoom()
    const before = process.memoryUsage()
    const started = performance.now()
    let error: unknown
    try {
      act()
    } catch (thrown) {
      error = thrown
    }
    const milliseconds = performance.now() - started
    const after = process.memoryUsage()
    const allocated = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
    return { milliseconds, allocated, error }
  }

  #makeRoom(): void {
    this.#collect({ type: 'minor' })
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    this.#since = heapUsed + arrayBuffers
  }
}

/** Held until the memory that it takes is counted. */
const held: unknown[] = []

/**
 * The most bytes that were live at once in an act, as the collections during it and one after it saw it. The process runs with
 * `LIVE_FLAGS`: every collection is a whole one, and comes after a megabyte at most.
 */
export function liveBytes(collect: Collect, act: () => unknown): number {
  held.length = 0
  collect()
  const before = process.memoryUsage()
  const profiler = new GCProfiler()
  profiler.start()
  try {
    held.push(act())
  } catch (error) {
    held.push(error)
  }
  collect()
  const after = process.memoryUsage()
  const seen = profiler.stop().statistics.map(({ afterGC }) => afterGC.heapStatistics.usedHeapSize)
  return Math.max(after.heapUsed, ...seen) - before.heapUsed + after.arrayBuffers - before.arrayBuffers
}

export const METER_FLAGS: readonly string[] = [
  '--expose-gc',
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
]
export const LIVE_FLAGS: readonly string[] = [
  '--expose-gc',
  '--min-semi-space-size=1',
  '--max-semi-space-size=1',
  '--gc-global',
]
