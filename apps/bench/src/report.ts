import Table from 'cli-table3'
import { type Agreement, type ProgramResult, type RingResult, type SideName, sideNames } from './bench.ts'
import type { Measured } from './measure.ts'
import { MEAN_OF } from './programs.ts'
import { geometricMean, type Spread } from './statistics.ts'
import type { RingName } from './subject.ts'

const NOTHING = '–'

/** Three digits that count. */
export function formatNumber(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
  return value.toFixed(digits)
}

export const formatSpread = (spread: Spread | undefined): string =>
  spread
    ? `${formatNumber(spread.median)} (${formatNumber(spread.min)}–${formatNumber(spread.max)})`
    : NOTHING

const formatNs = (measured: Measured | undefined): string =>
  measured ? formatNumber(measured.ns.median) : NOTHING

/** Text in columns, numbers to the right: a Markdown table, so that it can go into a document as it is. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const align = (column: number): 'left' | 'right' => (column < textColumns ? 'left' : 'right')
  const none = { mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' }
  const edge = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '' }
  const foot = { bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' }
  const out = new Table({
    chars: { ...none, ...edge, ...foot, left: '|', right: '|', middle: '|' },
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => align(column)),
  })
  out.push([...head], ...rows.map((row) => [...row]))
  const [first, ...others] = out.toString().split('\n')
  const rule = first!
    .split('|')
    .slice(1, -1)
    .map((cell, column) =>
      align(column) === 'left' ? '-'.repeat(cell.length) : `${'-'.repeat(cell.length - 1)}:`,
    )
  return [first, `|${rule.join('|')}|`, ...others].join('\n')
}

const sideTitles: Readonly<Record<SideName, string>> = {
  kernel: 'kernel',
  interpreter: 'interpreter',
  jit: 'JIT, a call each',
  'jit-batch': 'JIT, batches',
}

/** Nanoseconds of a run. */
export const formatTimes = (results: readonly ProgramResult[]): string =>
  table(
    ['', 'program', 'insns', ...sideNames.map((side) => sideTitles[side])],
    results.map(({ id, title, insns, sides }) => [
      id,
      title,
      String(insns),
      ...sideNames.map((side) => formatNs(sides[side])),
    ]),
    2,
  )

const compared = sideNames.filter((side) => side !== 'kernel')

/** Each side's time divided by the kernel's, with the geometric means of the programs that count for them. */
export function formatRatios(results: readonly ProgramResult[]): string {
  const means = meansOf(results)
  const rows = results.map(({ id, title, sides }) => [
    id,
    title,
    ...compared.map((side) => formatSpread(sides[side]?.ratio)),
  ])
  if (means) {
    rows.push([
      '',
      `geometric mean of ${MEAN_OF.join(', ')}`,
      ...compared.map((side) => formatNumber(means[side]!)),
    ])
  }
  return table(['', 'program', ...compared.map((side) => sideTitles[side])], rows, 2)
}

/** Geometric means of the median ratios by side; undefined unless all programs that they are of were measured. */
export function meansOf(results: readonly ProgramResult[]): Partial<Record<SideName, number>> | undefined {
  const ratios = (side: SideName): number[] =>
    results.filter(({ id }) => MEAN_OF.includes(id)).flatMap(({ sides }) => sides[side]?.ratio?.median ?? [])
  const all = compared.map((side) => [side, ratios(side)] as const)
  if (all.some(([, values]) => values.length !== MEAN_OF.length)) return undefined
  return Object.fromEntries(all.map(([side, values]) => [side, geometricMean(values)]))
}

const ringTitles: Readonly<Record<RingName, readonly [string, string]>> = {
  'alike-hot': ['all alike', '2 MiB, hot'],
  'mixed-hot': ['mixed', '2 MiB, hot'],
  'alike-cold': ['all alike', '64 MiB, cold'],
  'mixed-cold': ['mixed', '64 MiB, cold'],
}

/** Programs over rings of packets. */
export const formatRings = (results: readonly RingResult[]): string =>
  table(
    ['', 'packets', 'memory', 'ns', 'million a second', 'ratio to the kernel, one packet'],
    results.map(({ program, ring, measured }) => [
      program,
      ...ringTitles[ring],
      formatNs(measured),
      formatNumber(1000 / measured.ns.median),
      formatSpread(measured.ratio),
    ]),
    3,
  )

/** What the first runs take, before the engine below has optimised anything. */
export const formatCold = (results: readonly ProgramResult[]): string =>
  table(
    ['', 'program', 'JIT, a call each', 'JIT, batches'],
    results.flatMap(({ id, title, cold }) =>
      cold ? [[id, title, formatSpread(cold.jit), formatSpread(cold['jit-batch'])]] : [],
    ),
    2,
  )

/** What a quick run found. */
export const formatAgreements = (agreements: readonly Agreement[]): string =>
  table(
    ['', 'program', 'verdict', 'same on'],
    agreements.map(({ id, title, outcomes }) => {
      const [first] = Object.values(outcomes)
      return [id, title, String(first!.retval), Object.keys(outcomes).join(', ')]
    }),
    4,
  )
