// Records what the running kernel says of the programs that search.mjs found, for packages/verifier/test/recorded.test.ts.
// usage (as root, on Linux 6.18): node scripts/mutation/record.mjs [--check] [FILE...]
//   FILE...   JSON lines with { row }: default node_modules/.cache/skep-mutation/found.jsonl; they are added to what is there
//   --check   records nothing: asks the kernel about all that is recorded, and says what differs
// A program is left out where the verifier does not say what the kernel says.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { loadLinux, openOrExit } from '../kernel/jsonl.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const home = join(root, 'packages/verifier')
const cache = process.env.SKEP_MUTATION_CACHE ?? join(root, 'node_modules/.cache/skep-mutation')
const target = join(home, 'testdata/recorded.jsonl.gz')

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
})

/** The verifier as it is, from its sources. */
async function loadVerifier() {
  mkdirSync(cache, { recursive: true })
  const outfile = join(cache, 'record-verifier.mjs')
  await build({
    stdin: {
      contents: `export * from '${join(home, 'src/index.ts')}'
export { platform } from '${join(home, 'test/platform.ts')}'
export { hashLog, RECORDED_CPUS } from '${join(home, 'test/recorded.ts')}'`,
      resolveDir: home,
      loader: 'ts',
    },
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    conditions: ['source', 'module'],
    tsconfigRaw: {},
    logLevel: 'error',
  })
  return import(pathToFileURL(outfile).href)
}

const { createVerifier, hashLog, platform, RECORDED_CPUS, specFromRow } = await loadVerifier()
const linux = await loadLinux()
const kernel = await openOrExit(linux)
if (!kernel.release.startsWith('6.18.')) {
  console.error(`the rules are Linux 6.18's, and this is ${kernel.release}`)
  process.exit(1)
}
if (availableParallelism() !== RECORDED_CPUS) {
  console.error(`the logs are those of a machine with ${RECORDED_CPUS} CPUs`)
  process.exit(1)
}
const verifier = await createVerifier(platform, { cpus: RECORDED_CPUS })

function ours(row) {
  const verdict = verifier.verify({ ...specFromRow(row, platform), logLevel: 2 })
  const { errno, line } = verdict.verdict === 'reject' ? verdict : {}
  return {
    verdict: verdict.verdict,
    ...(errno ? { errno, line } : {}),
    processed: verdict.processed,
    log: hashLog(verdict.log()),
  }
}

function theirs(row) {
  const said = linux.verifyRow(kernel, row, { log: true, logLevel: 2 })
  if (said.error) return undefined
  const result = { verdict: said.verdict, processed: said.processed, log: hashLog(said.log ?? '') }
  if (said.verdict === 'accept') return result
  const { line } = linux.verifyRow(kernel, row, { logLevel: 1 })
  return { ...result, errno: said.errno, ...(line ? { line } : {}) }
}

const ordered = ({ verdict, errno, line, processed, log }) => ({ verdict, errno, line, processed, log })
const text = (said) => JSON.stringify(said && ordered(said))
const lines = (all) =>
  all
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

const before = existsSync(target) ? lines(gunzipSync(readFileSync(target)).toString()) : []
if (values.check) {
  let different = 0
  for (const one of before) {
    const said = theirs(one.row)
    if (text(said) === text(one)) continue
    different++
    console.log(`${one.row.name}: recorded ${text(one)}, now ${text(said)}`)
  }
  console.log(`${before.length} programs, ${different} of which the kernel says something else`)
  process.exit(different ? 1 : 0)
}

const files = positionals.length > 0 ? positionals : [join(cache, 'found.jsonl')]
const seen = new Map()
const kept = []
let unlike = 0
let outside = 0
/** Which program told a mutant apart, for main.mjs to try first. */
const kills = {}
for (const { row, kills: told = [] } of [
  ...before,
  ...files.flatMap((file) => lines(readFileSync(file, 'utf8'))),
]) {
  const { name: _, ...program } = row
  const key = JSON.stringify(program)
  if (seen.has(key)) {
    for (const mutant of told) kills[mutant] ??= seen.get(key)
    continue
  }
  seen.set(key, `recorded: p${kept.length}`)
  for (const mutant of told) kills[mutant] = seen.get(key)
  const judged = ours(program)
  const said = theirs(program)
  if (!said) outside++
  else if (text(said) !== text(judged)) unlike++
  else kept.push({ row: { name: `p${kept.length}`, ...program }, ...ordered(said) })
}
mkdirSync(dirname(target), { recursive: true })
writeFileSync(
  `${target}.new`,
  gzipSync(`${kept.map((one) => JSON.stringify(one)).join('\n')}\n`, { level: 9 }),
)
renameSync(`${target}.new`, target)
writeFileSync(join(cache, 'kills.json'), JSON.stringify(kills))
console.log(
  `${kept.length} programs recorded (${before.length} before); left out: ${unlike} where the kernel says something else, ${outside} that it takes no notice of`,
)
