import type { Outcome } from './compare.ts'
import { causeOf } from './reasons.ts'
import type { Answer } from './reference.ts'
import { LATER } from './resolved-later.ts'

export interface Row {
  readonly collection: string
  readonly file: string
  readonly answer: Answer
  readonly outcome: Outcome
}

const KINDS = ['same', 'refused', 'beyond', 'short', 'differs'] as const

const count = (rows: readonly Row[], kind: Outcome['kind']): number =>
  rows.filter((row) => row.outcome.kind === kind).length

const collections = (rows: readonly Row[]): string[] => [...new Set(rows.map((row) => row.collection))]

/** The figures as text. */
export function summary(rows: readonly Row[]): string {
  const line = (name: string, own: readonly Row[]): string =>
    [
      name.padEnd(24),
      String(own.length).padStart(7),
      ...KINDS.map((kind) => String(count(own, kind)).padStart(8)),
    ].join('')
  return [
    ['collection'.padEnd(24), 'objects', ...KINDS.map((kind) => kind.padStart(8))].join(''),
    ...collections(rows).map((name) =>
      line(
        name,
        rows.filter((row) => row.collection === name),
      ),
    ),
    line('all', rows),
  ].join('\n')
}

const START = '<!-- figures -->'
const END = '<!-- end -->'

/** A page of the documentation with the figures between its marks. Throws Error where it has none. */
export function withFigures(
  text: string,
  rows: readonly Row[],
  versions: readonly string[],
  kernel: string,
): string {
  const from = text.indexOf(START)
  const to = text.indexOf(END)
  if (from < 0 || to < from) throw new Error(`the page has no lines "${START}" and "${END}"`)
  return `${text.slice(0, from)}${START}\n\n${figures(rows, versions, kernel)}\n\n${text.slice(to)}`
}

function figures(rows: readonly Row[], [system = '?', ...others]: readonly string[], kernel: string): string {
  const row = (name: string, own: readonly Row[]): string =>
    `| ${[name, own.length, ...KINDS.map((kind) => count(own, kind))].join(' | ')} |`
  const beside = others.length > 0 ? `, and ${others.join(', ')} where that does not take an object` : ''
  return [
    `libbpf ${system} is the system's${beside}. The running kernel, for CO-RE: Linux ${kernel.split('-')[0]}.`,
    '',
    '| objects | all | the same | refused by both | taken here alone | refused here alone | different |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...collections(rows).map((name) =>
      row(
        name,
        rows.filter((one) => one.collection === name),
      ),
    ),
    row('all', rows),
    '',
    ...versionLines(rows),
    ...section('Taken here alone', beyond(rows)),
    ...section('Refused by both', refused(rows)),
    ...section('Different, or refused here alone', wrong(rows)),
    '### Left to whoever loads',
    '',
    ...Object.values(LATER).map((text) => `- ${text}`),
  ].join('\n')
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`### ${title}`, '', ...lines, '']

function versionLines(rows: readonly Row[]): string[] {
  const taken = rows.filter(({ outcome }) => outcome.kind === 'same')
  const of = (version: string): number =>
    taken.filter(({ answer }) => answer.kind === 'taken' && answer.version === version).length
  const versions = [...new Set(taken.map(({ answer }) => (answer.kind === 'taken' ? answer.version : '')))]
  return [`The same: ${versions.map((one) => `${of(one)} beside libbpf ${one}`).join(', ')}.`, '']
}

const grouped = <T>(items: readonly T[], key: (item: T) => string): [string, T[]][] => {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const list = groups.get(key(item))
    if (list) list.push(item)
    else groups.set(key(item), [item])
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length)
}

function beyond(rows: readonly Row[]): string[] {
  const all = rows.flatMap(({ outcome }) => (outcome.kind === 'beyond' ? [outcome] : []))
  const known = new Map(all.map(({ known }) => [known?.kind ?? '', known?.why ?? '']))
  return [
    '| what | objects | why |',
    '|---|---:|---|',
    ...grouped(all, (one) => one.known?.kind ?? '').map(
      ([kind, list]) => `| ${kind || 'for no known reason'} | ${list.length} | ${known.get(kind)} |`,
    ),
  ]
}

const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 120)

function refused(rows: readonly Row[]): string[] {
  const all = rows.flatMap(({ outcome }) => (outcome.kind === 'refused' ? [outcome] : []))
  return [
    '| code | objects | for example, here | libbpf |',
    '|---|---:|---|---|',
    ...grouped(all, (one) => one.ours.slice(0, one.ours.indexOf(':'))).map(([code, list]) => {
      const { ours, theirs } = list[0]!
      return `| \`${code}\` | ${list.length} | ${cell(ours.slice(code.length + 2))} | ${cell(theirs)} |`
    }),
  ]
}

const wrong = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ collection, file, outcome }) => {
    if (outcome.kind === 'short') return [`- ${collection}, \`${file}\`: ${cell(outcome.ours)}`]
    if (outcome.kind === 'differs') {
      const cause = causeOf(outcome.differences[0]!)
      const text = cell(outcome.differences.join('; '))
      return [`- ${collection}, \`${file}\`: ${text}${cause ? `; ${cause}` : ''}`]
    }
    return []
  })
