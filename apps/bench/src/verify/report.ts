import { formatNumber, table } from '../report.ts'
import { geometricMean } from '../statistics.ts'
import type { Compared, Left, VerifyResult } from './compare.ts'

const NOTHING = '–'

const milliseconds = (ns: number | undefined): string => (ns === undefined ? NOTHING : formatNumber(ns / 1e6))

const mebibytes = (bytes: number | undefined): string =>
  bytes === undefined ? NOTHING : formatNumber(bytes / 2 ** 20)

const ratio = (compared: Compared | undefined): string =>
  compared?.ratio === undefined ? NOTHING : formatNumber(compared.ratio.median)

const count = (value: number): string => value.toLocaleString('en-US')

/** Walked there, as far as it is another number than here. */
function walkedText({ walked, kernelWalked }: VerifyResult): string {
  const own = count(walked)
  return kernelWalked === undefined || kernelWalked === walked ? own : `${own} (${count(kernelWalked)})`
}

export interface Means {
  readonly programs: number
  readonly warm?: number
  readonly cold?: number
}

/** Geometric means of the median ratios. */
export function verifyMeans(results: readonly VerifyResult[]): Means {
  const of = (side: 'warm' | 'cold'): number | undefined => {
    const ratios = results.flatMap((result) => result[side]?.ratio?.median ?? [])
    return ratios.length > 0 ? geometricMean(ratios) : undefined
  }
  const warm = of('warm')
  const cold = of('cold')
  return {
    programs: results.length,
    ...(warm === undefined ? {} : { warm }),
    ...(cold === undefined ? {} : { cold }),
  }
}

/** Verification beside the kernel's load; times in milliseconds. */
export function formatVerifications(results: readonly VerifyResult[]): string {
  const means = verifyMeans(results)
  const rows = results.map((result) => [
    result.object,
    result.program,
    walkedText(result),
    milliseconds(result.warm.kernel?.median),
    milliseconds(result.warm.skep.median),
    result.warm.ratio
      ? `${ratio(result.warm)} (${formatNumber(result.warm.ratio.min)}–${formatNumber(result.warm.ratio.max)})`
      : NOTHING,
    milliseconds(result.cold?.skep.median),
    ratio(result.cold),
  ])
  if (means.warm !== undefined) {
    const mean = (value: number | undefined): string => (value === undefined ? NOTHING : formatNumber(value))
    rows.push(['', `geometric mean of ${means.programs}`, '', '', '', mean(means.warm), '', mean(means.cold)])
  }
  return table(['object', 'program', 'walked', 'kernel', 'warm', 'ratio', 'first', 'ratio'], rows, 2)
}

/** What else a load takes; times in milliseconds, memory in MiB. */
export const formatLoads = (results: readonly VerifyResult[]): string =>
  table(
    [
      'object',
      'program',
      'slots',
      'states',
      'of states',
      'process',
      'create',
      'parse',
      'again',
      'whole load',
    ],
    results.map((result) => [
      result.object,
      result.program,
      count(result.insns),
      count(result.totalStates),
      mebibytes(result.stateBytes),
      mebibytes(result.coldParts?.rss.max),
      milliseconds(result.coldParts?.create.median),
      milliseconds(result.coldParts?.parse.median),
      milliseconds(result.coldParts?.again.median),
      milliseconds(result.whole?.median),
    ]),
    2,
  )

/** Programs that are in no table, and why: reasons that several share once. */
export function formatLeft(left: readonly Left[]): string {
  const byReason = new Map<string, string[]>()
  for (const { object, program, reason } of left) {
    const names = byReason.get(reason) ?? []
    names.push(program === undefined ? object : `${object}: ${program}`)
    byReason.set(reason, names)
  }
  return [...byReason]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([reason, names]) => `${names.length > 1 ? `${names.length} programs` : names[0]}: ${reason}`)
    .join('\n')
}
