import type { Venue } from '../../../../packages/loader-cbpf/test/socket-filters.ts'
import { type Case, makeCase } from './cases.ts'
import { type EngineCounts, EngineSide } from './engines.ts'
import { compareKernel, type Surprise, type Trial, trialsOf } from './kernel.ts'

const VENUES: readonly Venue[] = ['unix', 'raw', 'dgram']
const BATCH = 250

/** What a run over random programs found. */
export interface ClassicTally {
  programs: number
  insns: number
  /** Instructions of the longest program. */
  longest: number
  /** Programs run over packets, by the kernel. */
  trials: number
  /** Trials that give something else than 0: programs that did not end at a load outside the packet. */
  nonzero: number
  engines: EngineCounts
  readonly surprises: Surprise[]
}

/** Runs programs `from` to `from + count - 1` of a seed on all sides; `progress` hears of each batch. */
export async function compareClassic(
  options: { readonly seed: number; readonly from: number; readonly count: number; readonly cpu: number },
  progress: (tally: ClassicTally) => void = () => {},
): Promise<ClassicTally> {
  const { seed, from, count, cpu } = options
  const engines = await EngineSide.create(cpu)
  const tally: ClassicTally = {
    programs: 0,
    insns: 0,
    longest: 0,
    trials: 0,
    nonzero: 0,
    engines: engines.counts,
    surprises: [],
  }
  for (let at = from; at < from + count; at += BATCH) {
    const size = Math.min(BATCH, from + count - at)
    const cases = Array.from({ length: size }, (_, n) => makeCase(seed, at + n))
    await compareBatch(cases, cpu, engines, tally)
    progress(tally)
  }
  return tally
}

async function compareBatch(
  cases: readonly Case[],
  cpu: number,
  engines: EngineSide,
  tally: ClassicTally,
): Promise<void> {
  for (const { insns } of cases) {
    tally.programs++
    tally.insns += insns.length
    tally.longest = Math.max(tally.longest, insns.length)
  }
  for (const venue of VENUES) {
    const trials = trialsOf(cases, venue, cpu)
    if (trials.length === 0) continue
    tally.trials += trials.length
    tally.nonzero += trials.filter(({ value }) => value !== 0).length
    tally.surprises.push(...compareKernel(trials, venue, cpu))
    for (const group of byCase(trials)) tally.surprises.push(...(await engines.compare(group)))
  }
}

function byCase(trials: readonly Trial[]): Trial[][] {
  const groups = new Map<Case, Trial[]>()
  for (const trial of trials) {
    const group = groups.get(trial.of)
    if (group) group.push(trial)
    else groups.set(trial.of, [trial])
  }
  return [...groups.values()]
}
