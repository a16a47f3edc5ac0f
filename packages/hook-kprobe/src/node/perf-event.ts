import { KprobeAttachError } from '../errors.ts'
import type { ProbeLink } from '../link.ts'
import { OpenLink } from '../link.ts'
import { type PerfEventProgram, PerfEventRuns } from '../perf-event-runs.ts'
import { Profiler } from './profiler.ts'

export interface PerfEventOptions {
  /** Samples a second, 1 to 10,000. */
  readonly frequency: number
  /** Milliseconds after which the program runs over what was sampled. Default 1000. */
  readonly window?: number
  /** Samples of a thread that waits, too. Default false, as a CPU's clock has it. */
  readonly idle?: boolean
  /** bpf_get_attach_cookie. Default 0. */
  readonly cookie?: bigint
}

export interface PerfEventLink extends ProbeLink {
  /** Runs the program over what was sampled since the last window. Closing does so too. */
  flush(): void
}

/**
 * Runs a program of SEC("perf_event") for each sample of this thread's JavaScript stack. A timer in JavaScript would only
 * ever see itself: V8's profiler takes the samples, by a thread of its own, and the program runs over them at the end of each
 * window. So bpf_ktime_get_ns is the window's end, not the sample's time. Throws KprobeAttachError.
 */
export function attachPerfEvent(program: PerfEventProgram, options: PerfEventOptions): PerfEventLink {
  const { frequency, window = 1000, idle = false, cookie = 0n } = options ?? {}
  if (!(frequency >= 1 && frequency <= 10_000))
    throw new KprobeAttachError('BAD_OPTION', `frequency is ${frequency}; give samples a second, 1 to 10000`)
  if (!(window >= 10 && window <= 60_000))
    throw new KprobeAttachError('BAD_OPTION', `window is ${window}; give milliseconds, 10 to 60000`)
  const runs = new PerfEventRuns(program, 1e9 / frequency, cookie)
  let profiler: Profiler
  try {
    profiler = new Profiler(Math.round(1e6 / frequency), idle)
  } catch (error) {
    runs.context.release()
    throw error
  }
  return new SampleLink(program, runs, profiler, window)
}

class SampleLink extends OpenLink<PerfEventProgram> implements PerfEventLink {
  readonly #runs: PerfEventRuns
  readonly #profiler: Profiler

  constructor(program: PerfEventProgram, runs: PerfEventRuns, profiler: Profiler, window: number) {
    super('perf_event', program, runs.context, () => {
      clearInterval(timer)
      this.#read(false)
      profiler.close()
    })
    this.#runs = runs
    this.#profiler = profiler
    const timer = setInterval(() => this.flush(), window)
    timer.unref()
  }

  flush(): void {
    if (!this.closed) this.#read(true)
  }

  #read(more: boolean): void {
    for (const frames of this.#profiler.read(more)) this.#runs.run(frames)
  }
}
