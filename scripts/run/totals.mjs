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

/** The counts of one vitest report. A file that does not load is a failed test. */
export function countsOf({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length
  return { passed: numPassedTests, failed: numFailedTests + broken, skipped: numPendingTests + numTodoTests }
}

/** The names of the tests of one report that were skipped. */
const skippedOf = ({ testResults }) =>
  testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName }) => fullName),
  )

function read(name) {
  const file = reportFile(packages().get(name) ?? name)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** The counts of one package's run; undefined where there is no report. */
export function readReport(name) {
  const report = read(name)
  return report && countsOf(report)
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
 * What a run of tests came to, from the reports by name of package: the lines to print, the total last, and whether it
 * failed. It fails where a test did, where none ran, and where a package in `expected` left no report.
 */
export function totals(found, expected) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const report of found.values()) for (const key of Object.keys(total)) total[key] += report[key]
  const silent = expected.filter((name) => !found.has(name))
  const none = total.passed + total.failed === 0
  return {
    errors: [
      ...(silent.length > 0
        ? [`run: tests that did not run: ${silent.join(', ').replace('//', 'scripts')}`]
        : []),
      ...(none ? ['run: no test ran'] : []),
    ],
    line: summary(total),
    failed: none || silent.length > 0 || total.failed > 0,
  }
}

/** Prints the totals of the last run as its last line; true where it failed. With `all`, every package had to run. */
export function printTotals(all) {
  const members = packages()
  const found = new Map()
  const skipped = []
  for (const name of members.keys()) {
    const report = read(name)
    if (!report) continue
    found.set(name, countsOf(report))
    skipped.push(...skippedOf(report).map((test) => `skipped: ${name === '//' ? 'scripts' : name}: ${test}`))
  }
  const expected = all
    ? [...members].filter(([, folder]) => hasTests(join(root, folder))).map(([name]) => name)
    : []
  const { errors, line, failed } = totals(found, expected)
  for (const line of skipped.slice(0, 20)) console.log(line)
  if (skipped.length > 20) console.log(`skipped: ${skipped.length - 20} more`)
  for (const error of errors) console.error(error)
  console.log(line)
  return failed
}
