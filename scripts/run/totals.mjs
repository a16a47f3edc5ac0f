// Test results: each package's vitest writes a JSON report (vitest.base.ts), and these add them up.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './process.mjs'

/** Where the reports of one run of all tests go, one file per package. */
export const reports = join(root, 'node_modules/.cache/skep-test')

/** Directories that may hold tests, by the name of their package; scripts/ counts as one. */
function packages() {
  const found = new Map([['//', 'scripts']])
  for (const parent of ['packages', 'apps'])
    for (const name of readdirSync(join(root, parent))) {
      const manifest = join(root, parent, name, 'package.json')
      if (existsSync(manifest)) found.set(JSON.parse(readFileSync(manifest, 'utf8')).name, join(parent, name))
    }
  return found
}

const reportFile = (directory) => join(reports, `${directory.replaceAll(/[\\/]/g, '-')}.json`)

/** The counts of one package's run; undefined where there is no report. A file that does not load is a failed test. */
export function readReport(name) {
  const file = reportFile(packages().get(name) ?? name)
  if (!existsSync(file)) return undefined
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(file, 'utf8'),
  )
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length
  return { passed: numPassedTests, failed: numFailedTests + broken, skipped: numPendingTests + numTodoTests }
}

export const summary = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

const hasTests = (directory) =>
  existsSync(directory) &&
  readdirSync(directory, { withFileTypes: true }).some((entry) =>
    entry.isDirectory()
      ? entry.name !== 'node_modules' && entry.name !== 'dist' && hasTests(join(directory, entry.name))
      : /\.test\.m?ts$/.test(entry.name),
  )

/**
 * Prints the totals of the last run as its last line. Returns true where a test failed, where none ran, or where, with
 * `all`, a package that has tests left no report.
 */
export function printTotals(all) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const silent = []
  for (const [name, directory] of packages()) {
    const report = readReport(name)
    if (report) for (const key of Object.keys(total)) total[key] += report[key]
    else if (all && hasTests(join(root, directory))) silent.push(name === '//' ? 'scripts' : name)
  }
  const none = total.passed + total.failed === 0
  if (silent.length > 0) console.error(`run: tests that did not run: ${silent.join(', ')}`)
  if (none) console.error('run: no test ran')
  console.log(summary(total))
  return none || silent.length > 0 || total.failed > 0
}
