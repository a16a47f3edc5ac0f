// Mutation test of the verifier: which change of a check, of a transfer function, of any condition, no test would notice.
// usage: npm run mutation -- [--workers N] [--only TEXT] [--survivors] [--report FILE]
//   --workers N     processes (default 1)
//   --nice N        their priority, default 19: the lowest
//   --tries N       most programs to try a mutant with (default all): a score that can only be too low
//   --no-unit       only the programs, not the unit tests: quicker, too low as well
//   --only TEXT     only the mutants of files whose name contains TEXT; several texts with commas between
//   --tests TEXT    only the tests whose name contains TEXT, or one of several with commas between: what a new test finds, with --survivors
//   --survivors     only the mutants that the last run left alive
//   --continue       go on with what was built before, whatever has changed since
//   --summary        only with --continue: no run, the score as far as runs and search.mjs know it
//   --prepare        only build, and measure what the tests reach: what search.mjs needs
//   --report FILE   write the table of docs/verifier-mutation.md to FILE
// What a run found is kept in node_modules/.cache/skep-mutation/results.json: the tests that found a mutant last time are
// tried first, and a run that was broken off goes on where it was.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildSubject } from './build.mjs'
import { instrumentPackage } from './instrument.mjs'
import { next, runAll, start } from './pool.mjs'
import { summary } from './report.mjs'
import { isMutated } from './scope.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const home = join(root, 'packages/verifier')
const cache = process.env.SKEP_MUTATION_CACHE ?? join(root, 'node_modules/.cache/skep-mutation')

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1' },
    only: { type: 'string' },
    tests: { type: 'string' },
    survivors: { type: 'boolean', default: false },
    report: { type: 'string' },
    tries: { type: 'string', default: 'Infinity' },
    'no-unit': { type: 'boolean', default: false },
    nice: { type: 'string', default: '19' },
    prepare: { type: 'boolean', default: false },
    summary: { type: 'boolean', default: false },
    continue: { type: 'boolean', default: false },
  },
})

mkdirSync(cache, { recursive: true })
const [coverBundle, runBundle, coverage, resultsFile] = [
  'cover.mjs',
  'run.mjs',
  'coverage',
  'results.json',
].map((name) => join(cache, name))
const niceness = Number(values.nice)

/** Builds the bundles, notes which mutants each test reaches, and what the tests give and cost without a mutant. */
async function prepare() {
  const instrumented = await instrumentPackage(home, { skip: (name) => !isMutated(name) })
  const mutants = instrumented.mutants.filter(({ ignored }) => !ignored)
  await buildSubject(home, instrumented, true, coverBundle)
  await buildSubject(home, instrumented, false, runBundle)
  const covering = start([coverBundle, 'cover', coverage], niceness)
  const covered = await next(covering, 600_000)
  if (!covered) throw new Error('the run that measures coverage ended without a result')
  covering.kill()
  rmSync(`${coverage}.tests.json`, { force: true })
  const probe = start([runBundle, 'run', coverage], niceness)
  if (!(await next(probe, 600_000))) throw new Error('the tests do not run without a mutant')
  probe.kill()
  writeFileSync(`${coverage}.json`, JSON.stringify({ ...covered, mutants }))
}
if (!values.continue) await prepare()
const { tests, atLoad, mutants } = JSON.parse(readFileSync(`${coverage}.json`, 'utf8'))

/** What a mutant is called from one run to the next. */
const keyOf = ({ file, at, mutator, replacement }) =>
  `${file}:${at.join(':')} ${mutator} ${createHash('sha256').update(replacement).digest('hex').slice(0, 8)}`

const data = readFileSync(coverage)
const SIZE = 1 << 16
const bits = data.subarray(SIZE * 4)
const width = (tests.length + 7) >> 3
const reachedBy = (id) => {
  const found = []
  for (let i = 0; i < tests.length; i++) if ((bits[id * width + (i >> 3)] >> (i & 7)) & 1) found.push(i)
  return found
}

const probed = JSON.parse(readFileSync(`${coverage}.tests.json`, 'utf8'))
for (const [i, text] of probed.expected.entries())
  if (/^fails: /.test(text)) console.error(`fails without a mutant: ${tests[i]}: ${text}`)

const fingerprint = createHash('sha256')
  .update(readFileSync(runBundle))
  .update(JSON.stringify(probed.expected))
  .digest('hex')
const before = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, 'utf8')) : { results: {} }
const same = before.fingerprint === fingerprint
const results = same ? before.results : {}
/** What record.mjs knows of who told whom apart. */
const told = existsSync(join(cache, 'kills.json'))
  ? JSON.parse(readFileSync(join(cache, 'kills.json'), 'utf8'))
  : {}
const index = new Map(tests.map((id, i) => [id, i]))

const load = new Set(atLoad)
/** Mutants that search.mjs found not to end, or that took too long the last time. */
const endless = new Set(
  existsSync(join(cache, 'endless.jsonl'))
    ? readFileSync(join(cache, 'endless.jsonl'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [],
)
for (const [key, { status }] of Object.entries(before.results)) if (status === 'timeout') endless.add(key)
const jobs = []
for (const mutant of mutants) {
  const key = keyOf(mutant)
  if (values.only && !values.only.split(',').some((text) => mutant.file.includes(text))) continue
  if (values.survivors && /^(killed|timeout)$/.test(before.results[key]?.status)) {
    results[key] ??= before.results[key]
    continue
  }
  if (results[key] && !(values.survivors && results[key].status === 'survived')) continue
  const reached = reachedBy(mutant.id)
  if (reached.length === 0 && !load.has(mutant.id)) results[key] = { status: 'not reached' }
  else {
    const cost = reached.reduce((sum, i) => sum + probed.cost[i], 0)
    const atLoad = reached.length === 0
    jobs.push({
      id: mutant.id,
      key,
      atLoad,
      endless: endless.has(key),
      budget: 6_000 + (values['no-unit'] ? 0 : 3 * cost) + (atLoad ? 60_000 : 0),
    })
  }
}
const save = () => {
  writeFileSync(`${resultsFile}.new`, JSON.stringify({ fingerprint, results }))
  renameSync(`${resultsFile}.new`, resultsFile)
}

jobs.sort((a, b) => Number(a.atLoad) - Number(b.atLoad))
const statuses = () => mutants.map((mutant) => ({ ...mutant, key: keyOf(mutant), ...results[keyOf(mutant)] }))
const note = () => writeFileSync(join(cache, 'mutants.json'), JSON.stringify(statuses()))
if (!values.summary) note()
if (values.prepare) process.exit()
if (values.summary) {
  const known = statuses().map((mutant) => {
    if (mutant.status === 'killed' || mutant.status === 'timeout') return mutant
    if (told[mutant.key]) return { ...mutant, status: 'killed', killer: told[mutant.key] }
    return endless.has(mutant.key) ? { ...mutant, status: 'timeout' } : mutant
  })
  console.log(summary(known, home))
  process.exit()
}

const recent = []
const kills = new Map()
let ranked = []
/** The tests that found most so far. */
const best = () => {
  if (done % 200 === 1) {
    ranked = [...kills]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 60)
      .map(([i]) => i)
  }
  return ranked
}
const started = performance.now()
let done = 0
let saved = started
await runAll(jobs, {
  args: [runBundle, 'run', coverage],
  niceness,
  workers: Number(values.workers),
  budget: (job) => job.budget,
  tries: Number(values.tries),
  unit: !values['no-unit'],
  only: values.tests,
  hints: (job) => {
    const last = index.get(before.results[job.key]?.killer ?? told[job.key])
    return [...(last === undefined ? [] : [last]), ...recent, ...best()]
  },
  report: (job, result) => {
    done++
    const { killer } = result
    if (result.error) console.error(`${job.key}: ${result.error}`)
    else if (killer === undefined) results[job.key] = { status: 'survived', tried: result.tried }
    else if (killer < 0) results[job.key] = { status: 'timeout' }
    else {
      results[job.key] = { status: 'killed', killer: tests[killer] }
      kills.set(killer, (kills.get(killer) ?? 0) + 1)
      const at = recent.indexOf(killer)
      if (at >= 0) recent.splice(at, 1)
      recent.unshift(killer)
      recent.length = Math.min(recent.length, 12)
    }
    const now = performance.now()
    if (now - saved > 20_000) {
      saved = now
      save()
      console.error(`${done} of ${jobs.length} mutants, ${Math.round((now - started) / 1000)} s`)
    }
  },
})
save()
note()
const shown = statuses().filter(({ status }) => status)
const text = summary(shown, home)
console.log(text)
console.error(`${jobs.length} mutants tried in ${Math.round((performance.now() - started) / 1000)} s`)
if (values.report) writeFileSync(values.report, text)
