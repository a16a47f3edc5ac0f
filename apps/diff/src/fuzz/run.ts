import { Random, seedOf } from '../random.ts'
import { type Collect, liveBytes, Meter } from './meter.ts'
import type { FuzzTarget } from './target.ts'

/** Memory that an input may take: so many times its size, and what every parse costs. */
export const TIMES = 20
export const FIXED: number = 256 * 1024
/** No input takes longer, in milliseconds. */
export const LONGEST = 1000
/** Only the worst of those that allocated too much are run again: with a collection a megabyte that takes its time. */
const MOST_AGAIN = 300

export interface FuzzFailure {
  readonly index: number
  readonly what: string
  readonly input: string
}

export interface FuzzTally {
  inputs: number
  bytes: number
  taken: number
  readonly refused: Map<string, number>
  readonly failures: FuzzFailure[]
  slowest: { index: number; milliseconds: number }
  /** Inputs that allocated more than they may hold live at once, the worst first. */
  heavy: { readonly index: number; readonly excess: number }[]
}

const inputOf = (target: FuzzTarget, seed: number, index: number): ReturnType<FuzzTarget['make']> =>
  target.make(new Random(seedOf(seed, index)))

const messageOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error)

/** Gives a loader `count` inputs. */
export function fuzz(
  target: FuzzTarget,
  options: {
    readonly seed: number
    readonly from: number
    readonly count: number
    /** Milliseconds that an input may take; `LONGEST` unless said. */
    readonly longest?: number
  },
  collect: Collect,
  progress: (tally: FuzzTally) => void = () => {},
): FuzzTally {
  const { seed, from, count, longest = LONGEST } = options
  const meter = new Meter(collect)
  const tally: FuzzTally = {
    inputs: 0,
    bytes: 0,
    taken: 0,
    refused: new Map(),
    failures: [],
    slowest: { index: from, milliseconds: 0 },
    heavy: [],
  }
  for (let index = from; index < from + count; index++) {
    const input = inputOf(target, seed, index)
    let { milliseconds, allocated, error } = meter.run(input.parse)
    // The machine may have been busy with something else.
    if (milliseconds > longest) milliseconds = Math.min(milliseconds, meter.run(input.parse).milliseconds)
    tally.inputs++
    tally.bytes += input.size
    const fail = (what: string): void => void tally.failures.push({ index, what, input: input.show() })
    if (error === undefined) tally.taken++
    else {
      const code = target.codeOf(error)
      if (code === undefined) fail(messageOf(error))
      else tally.refused.set(code, (tally.refused.get(code) ?? 0) + 1)
    }
    if (milliseconds > longest) fail(`${milliseconds.toFixed(0)} ms`)
    if (milliseconds > tally.slowest.milliseconds) tally.slowest = { index, milliseconds }
    const excess = allocated / (TIMES * input.size + (target.fixed ?? FIXED))
    if (excess > 1) tally.heavy.push({ index, excess })
    if (tally.inputs % 1000 === 0) progress(tally)
  }
  tally.heavy = tally.heavy.toSorted((a, b) => b.excess - a.excess).slice(0, MOST_AGAIN)
  return tally
}

export interface LiveTally {
  /** The worst: bytes live at once for each byte of the input, what every parse costs taken off. */
  worst: number
  /** The most bytes that any of them held. */
  most: number
  readonly failures: FuzzFailure[]
}

/** Runs inputs again and counts what was live at once. */
export function measureLive(
  target: FuzzTarget,
  seed: number,
  indexes: readonly number[],
  collect: Collect,
): LiveTally {
  const tally: LiveTally = { worst: 0, most: 0, failures: [] }
  // What is made once (tables, compiled code) belongs to no input.
  for (const index of indexes.slice(0, 20)) attempt(inputOf(target, seed, index).parse)
  for (const index of indexes) {
    const input = inputOf(target, seed, index)
    const live = Math.min(liveBytes(collect, input.parse), liveBytes(collect, input.parse))
    const fixed = target.fixed ?? FIXED
    tally.most = Math.max(tally.most, live)
    tally.worst = Math.max(tally.worst, (live - fixed) / input.size)
    if (live <= TIMES * input.size + fixed) continue
    tally.failures.push({ index, what: `${live} bytes live for ${input.size} of input`, input: input.show() })
  }
  return tally
}

function attempt(act: () => unknown): void {
  try {
    act()
  } catch {
    // Refusals are counted elsewhere.
  }
}
