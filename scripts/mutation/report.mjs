// The score: by file and in all.

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : '–')

/** A Markdown table of mutants found, by file. */
export function summary(mutants) {
  const files = new Map()
  for (const { file, status } of mutants) {
    const row = files.get(file) ?? { all: 0, found: 0, survived: 0, missed: 0 }
    files.set(file, row)
    row.all++
    if (status === 'killed' || status === 'timeout') row.found++
    else if (status === 'not reached') row.missed++
    else row.survived++
  }
  const lines = [
    '| file | mutants | found | not reached | survived | score |',
    '|---|---:|---:|---:|---:|---:|',
  ]
  const total = { all: 0, found: 0, survived: 0, missed: 0 }
  for (const [file, row] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const key of Object.keys(total)) total[key] += row[key]
    lines.push(
      `| ${file} | ${row.all} | ${row.found} | ${row.missed} | ${row.survived} | ${percent(row.found, row.all)} |`,
    )
  }
  lines.push(
    `| all | ${total.all} | ${total.found} | ${total.missed} | ${total.survived} | ${percent(total.found, total.all)} |`,
  )
  return `${lines.join('\n')}\n`
}
