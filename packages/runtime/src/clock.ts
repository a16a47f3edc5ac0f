/** What programs take for time, and what runs their timers. */
export interface Clock {
  /** Nanoseconds since boot (CLOCK_MONOTONIC). */
  now(): bigint
  /** Nanoseconds since 1970 at which `now` was 0; the host's civil time decides when absent. */
  readonly epoch?: bigint
  /** Has `step` run once when so many nanoseconds have passed, never before this returns; gives what takes it back. */
  schedule(nanoseconds: bigint, step: () => void): () => void
}

/** Time that passes when it is told to: `bpf_ktime_get_ns` and timers go by it. */
export interface VirtualClock extends Clock {
  /** Lets nanoseconds pass and runs what falls due in them, in order; what those steps schedule too. */
  advance(nanoseconds: bigint): void
}

/** Most milliseconds that setTimeout waits. */
const LONGEST = 0x7fff_ffff

/** The host's event loop, in milliseconds. */
function scheduleByHost(nanoseconds: bigint, step: () => void): () => void {
  let left = nanoseconds <= 0n ? 0 : Math.ceil(Number(nanoseconds) / 1e6)
  const wait = (): ReturnType<typeof setTimeout> => {
    const now = Math.min(left, LONGEST)
    left -= now
    return setTimeout(() => {
      if (left > 0) handle = wait()
      else step()
    }, now)
  }
  let handle = wait()
  return () => clearTimeout(handle)
}

/** A clock that only `advance` moves, and each reading by `tick` nanoseconds (default none). */
export function createVirtualClock({
  start = 0n,
  tick = 0n,
}: {
  readonly start?: bigint
  readonly tick?: bigint
} = {}): VirtualClock {
  let time = start
  let order = 0
  const waiting = new Set<{ readonly due: bigint; readonly order: number; readonly step: () => void }>()
  return {
    now: () => (time += tick),
    schedule: (nanoseconds, step) => {
      const entry = { due: time + (nanoseconds > 0n ? nanoseconds : 0n), order: order++, step }
      waiting.add(entry)
      return () => void waiting.delete(entry)
    },
    advance: (nanoseconds) => {
      const end = time + nanoseconds
      for (;;) {
        const [next] = [...waiting].sort((a, b) => Number(a.due - b.due) || a.order - b.order)
        if (!next || next.due > end) break
        waiting.delete(next)
        if (next.due > time) time = next.due
        next.step()
      }
      if (end > time) time = end
    },
  }
}

/**
 * The host's clock; in deterministic mode one of which every reading is a microsecond after the last, and nothing else, and
 * which began in 1970.
 */
export function createClock(deterministic: boolean): Clock {
  if (deterministic) return { ...createVirtualClock({ tick: 1000n }), epoch: 0n }
  return { now: () => BigInt(Math.round(performance.now() * 1e6)), schedule: scheduleByHost }
}
