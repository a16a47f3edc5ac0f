import { type Spread, spread } from './statistics.ts'

/** Something that is timed: runs `runs` times or a little more, and gives the nanoseconds of one run. */
export interface Side {
  readonly name: string
  readonly time: (runs: number) => Promise<number>
  /** Compiled for good before its first run: needs no warm-up. */
  readonly compiled?: boolean
  /** The most runs of one turn; no limit when absent. */
  readonly mostRuns?: number
}

export interface MeasureOptions {
  /** How often each side gets its turn. */
  readonly rounds: number
  /** Nanoseconds of one turn. */
  readonly window: number
  /** Nanoseconds that each side runs before it counts, so that the engines below have compiled what they will. */
  readonly warmUp: number
  /** Name of the side that the others are compared with. */
  readonly base?: string
}

export interface Measured {
  /** Nanoseconds of one run. */
  readonly ns: Spread
  /** This side's time divided by that of the base, round by round; absent for the base itself, and without one. */
  readonly ratio?: Spread | undefined
}

/**
 * Times sides against each other. Each round gives every side one window, beginning with another side each time, so that
 * whatever else the machine does falls on all of them alike. Ratios are of windows of the same round.
 */
export async function measure(
  sides: readonly Side[],
  options: MeasureOptions,
): Promise<ReadonlyMap<string, Measured>> {
  const runs: number[] = []
  for (const side of sides) runs.push(await warm(side, options))
  const times: number[][] = sides.map(() => [])
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const n = (round + turn) % sides.length
      times[n]!.push(await sides[n]!.time(runs[n]!))
    }
  }
  const base = times[sides.findIndex(({ name }) => name === options.base)]
  return new Map(
    sides.map(({ name }, n) => {
      const own = times[n]!
      const compared = base !== undefined && base !== own
      const ratio = compared ? { ratio: spread(own.map((time, round) => time / base[round]!)) } : {}
      return [name, { ns: spread(own), ...ratio }]
    }),
  )
}

/** What V8 compiles in the background is used from the next call on, so that a few long calls warm nothing. */
const WARM_TURNS = 20

/** Runs a side until it is warm, and finds how many runs fill a window. */
async function warm(side: Side, { window, warmUp }: MeasureOptions): Promise<number> {
  const enough = side.compiled ? { time: 0, turns: 0 } : { time: warmUp, turns: warmUp > 0 ? WARM_TURNS : 0 }
  let runs = 1
  const most = side.mostRuns ?? Number.POSITIVE_INFINITY
  for (let spent = 0, turns = 1; ; turns++) {
    const ns = await side.time(runs)
    spent += ns * runs
    const fill = Math.min(most, Math.max(1, Math.round(window / Math.max(ns, 0.1))))
    if (spent >= enough.time && turns >= enough.turns && runs * 2 >= fill) return fill
    // The first runs are slow: no jump to what they suggest.
    runs = Math.min(fill, runs * 8)
  }
}
