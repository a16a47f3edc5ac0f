import { formatNumber, table } from '../report.ts'
import { geometricMean, type Spread } from '../statistics.ts'
import type { Compared, Left, ObjectResult, ProgramResult } from './compare.ts'

const NOTHING = '–'

const milliseconds = (spread: Spread | undefined): string =>
  spread === undefined ? NOTHING : formatNumber(spread.median / 1e6)

const mebibytes = (bytes: number | undefined): string =>
  bytes === undefined ? NOTHING : formatNumber(bytes / 2 ** 20)

const ratio = (compared: Compared | undefined): string => {
  if (compared?.ratio === undefined) return NOTHING
  const { median, min, max } = compared.ratio
  return `${formatNumber(median)} (${formatNumber(min)}–${formatNumber(max)})`
}

const count = (value: number): string => value.toLocaleString('en-US')

/** Walked here, and there where that is another number. */
function walkedText({ walked, kernelWalked }: ProgramResult): string {
  const own = count(walked)
  return kernelWalked === undefined || kernelWalked === walked ? own : `${own} (${count(kernelWalked)})`
}

/** The geometric mean of the median ratios; undefined without one. */
export function ratioMean(compared: readonly (Compared | undefined)[]): number | undefined {
  const ratios = compared.flatMap((one) => one?.ratio?.median ?? [])
  return ratios.length > 0 ? geometricMean(ratios) : undefined
}

/** Verification of each program beside the kernel's load; times in milliseconds, memory in MiB. */
export function formatPrograms(results: readonly ProgramResult[]): string {
  const mean = ratioMean(results.map(({ warm }) => warm))
  const rows = results.map((result) => [
    result.object,
    result.program,
    count(result.insns),
    walkedText(result),
    count(result.totalStates),
    mebibytes(result.stateBytes),
    milliseconds(result.warm.kernel),
    milliseconds(result.warm.skep),
    ratio(result.warm),
  ])
  if (mean !== undefined) {
    const title = `geometric mean of ${results.length}`
    rows.push(['', title, '', '', '', '', '', '', formatNumber(mean)])
  }
  return table(['object', 'program', 'slots', 'walked', 'states', 'MiB', 'kernel', 'Skep', 'ratio'], rows, 2)
}

/** Objects in new processes, and whole loads; times in milliseconds, memory in MiB. */
export function formatObjects(results: readonly ObjectResult[]): string {
  const mean = ratioMean(results.map(({ cold }) => cold))
  const rows = results.map((result) => [
    result.object,
    count(result.programs),
    count(result.walked),
    milliseconds(result.cold?.kernel),
    milliseconds(result.cold?.skep),
    ratio(result.cold),
    milliseconds(result.parts?.again),
    mebibytes(result.parts?.rss.max),
    milliseconds(result.parts?.create),
    milliseconds(result.parts?.parse),
    milliseconds(result.whole),
  ])
  if (mean !== undefined) {
    rows.push([`geometric mean of ${results.length}`, '', '', '', '', formatNumber(mean), '', '', '', '', ''])
  }
  const head = ['object', 'programs', 'walked', 'kernel', 'first', 'ratio', 'again', 'MiB', 'create', 'parse']
  return table([...head, 'whole load, warm'], rows, 1)
}

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
    .map(([reason, names]) => `${names.length > 1 ? `${names.length} of them` : names[0]}: ${reason}`)
    .join('\n')
}
