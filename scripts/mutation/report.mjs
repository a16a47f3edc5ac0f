// The score: by file, by operator, and what is left.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from './equivalent.mjs'
import { needsKernelTypes } from './scope.mjs'

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : '–')

const newRow = () => ({ all: 0, found: 0, missed: 0, survived: 0, equivalent: 0, untried: 0 })

function count(row, { status, reason }) {
  row.all++
  if (status === 'killed' || status === 'timeout') row.found++
  else if (reason) row.equivalent++
  else if (status === 'not reached') row.missed++
  else if (!status) row.untried++
  else row.survived++
}

function table(mutants, what, title) {
  const rows = new Map()
  const total = newRow()
  for (const mutant of mutants) {
    const name = what(mutant)
    if (!rows.has(name)) rows.set(name, newRow())
    count(rows.get(name), mutant)
    count(total, mutant)
  }
  const line = (name, { all, found, missed, survived, equivalent, untried }) =>
    `| ${name} | ${all} | ${found} | ${missed} | ${survived} | ${equivalent} | ${untried} | ${percent(found, all - equivalent - untried)} |`
  return [
    `| ${title} | mutants | found | not reached | survived | equivalent | not tried yet | score |`,
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...[...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, row]) => line(name, row)),
    line('**all**', total),
  ].join('\n')
}

/** Markdown: the score of the core by file and by operator, and of what needs a kernel's types. */
export function summary(mutants, home) {
  const texts = new Map()
  const lineOf = ({ file, at }) => {
    if (!texts.has(file)) texts.set(file, readFileSync(join(home, file), 'utf8').split('\n'))
    return texts.get(file)[at[0] - 1] ?? ''
  }
  const judged = mutants.map((mutant) => ({ ...mutant, reason: reasonOf(mutant, lineOf(mutant)) }))
  const core = judged.filter(({ file }) => !needsKernelTypes(file))
  const kernel = judged.filter(({ file }) => needsKernelTypes(file))
  const reasons = new Map()
  for (const { status, reason } of core)
    if (reason && status !== 'killed' && status !== 'timeout')
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  return [
    table(core, ({ file }) => file, 'file'),
    table(core, ({ mutator }) => mutator, 'operator'),
    [
      '| equivalent, because | mutants |',
      '|---|---:|',
      ...[...reasons].map(([why, n]) => `| ${why} | ${n} |`),
    ].join('\n'),
    ...(kernel.length > 0 ? [table(kernel, ({ file }) => file, 'with kernel types')] : []),
  ].join('\n\n')
}
