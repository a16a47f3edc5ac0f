import { RuntimeError } from './errors.ts'

/** What is under way on a CPU. */
export interface Activity {
  /** Runs that have not returned: 0, 1, or more when a function in JS runs programs itself. */
  depth: number
  /** The first error of a function in JS that a program called and that ended its run. */
  thrown: { readonly subject: string; readonly cause: unknown } | undefined
  /** What has to wait until no program runs. */
  readonly later: (() => void)[]
  /** `thrown` or `later` holds something, or somebody observes. */
  pending: boolean
  /** Called when the outermost run or batch has returned. */
  readonly observers: Set<() => void>
  /** The time that a batch begins at, where all its packets have that one. */
  batchTime: (() => bigint) | undefined
  /** Programs that must know when the first observer comes and the last one goes. */
  readonly programs: Set<{ attend(): void }>
}

export const createActivity = (): Activity => ({
  depth: 0,
  thrown: undefined,
  later: [],
  pending: false,
  observers: new Set(),
  batchTime: undefined,
  programs: new Set(),
})

/** Calls `observer` after every run and batch; returns a function that ends it. Runs cost nothing more where nobody observes. */
export function observeRuns(activity: Activity, observer: () => void): () => void {
  const told = (): void => {
    activity.pending = activity.later.length > 0 || activity.observers.size > 0
    for (const program of activity.programs) program.attend()
  }
  activity.observers.add(observer)
  if (activity.observers.size === 1) told()
  return () => {
    if (activity.observers.delete(observer) && activity.observers.size === 0) told()
  }
}

/** Runs `step` now, or when the runs under way have returned: programs must not lose their memory under their feet. */
export function whenIdle(activity: Activity, step: () => void): void {
  if (activity.depth === 0) step()
  else {
    activity.later.push(step)
    activity.pending = true
  }
}

/** The outermost run has returned. */
export function settle(activity: Activity): void {
  activity.thrown = undefined
  activity.pending = activity.observers.size > 0
  for (const step of activity.later.splice(0)) step()
  for (const observer of activity.observers) observer()
}

/**
 * A function in JS that programs call. What it throws ends the program's run: engines know only WebAssembly's own errors as
 * the end of a run, and count what finished before it. The error itself waits in `thrown`. Called by the host, it throws
 * what it throws.
 */
export function guard<A extends unknown[], R>(
  activity: Activity,
  subject: string,
  fn: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    try {
      return fn(...args)
    } catch (cause) {
      if (activity.depth === 0) throw cause
      activity.thrown ??= { subject, cause }
      activity.pending = true
      throw new WebAssembly.RuntimeError(`${subject} threw: ${messageOf(cause)}`)
    }
  }
}

export function messageOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

/** What a listener of `event` threw, as the `exception` event tells it. */
export const listenerError = (event: string, cause: unknown): RuntimeError =>
  new RuntimeError('LISTENER', event, `a listener of "${event}" threw: ${messageOf(cause)}`, undefined, cause)
