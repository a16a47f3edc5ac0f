import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loaderTargets } from './fuzz/loaders.ts'
import { type Collect, LIVE_FLAGS, METER_FLAGS } from './fuzz/meter.ts'
import { FIXED, type FuzzFailure, fuzz, type LiveTally, measureLive, TIMES } from './fuzz/run.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

const TARGETS = loaderTargets(root)

const usage = `usage: npm run fuzz:loaders -- [options]

Gives each loader mutated inputs: fields of structures, words of texts, bytes. It may take them or refuse them with its own
typed error, in less than a second, and with at most ${TIMES} times the input's size of memory (and ${FIXED / 1024} KiB; a filter
8 MiB, for a word can stand for a hundred instructions).

  --count N     inputs for each loader (default 100000)
  --seed N      of the whole run (default 1)
  --from N      begin with input number N of the run
  --loader A,B  of ${Object.keys(TARGETS).join(', ')} (default all)
  --show N      at most so many failures of each (default 5)
  --help        this text

Memory: bytes allocated during the parse, which are no less than those live at once. The worst of those that allocate too much
run again in a process that collects all garbage after each megabyte, and what is live then is counted.
Exit status: 0 where nothing failed; else 1.`

const collect = (globalThis as { gc?: Collect }).gc

function report(name: string, failures: readonly FuzzFailure[], show: number): void {
  for (const { index, what, input } of failures.slice(0, show))
    console.log(`\n${name} ${index}: ${what}\n${input.slice(0, 4000)}`)
}

function fuzzOne(name: string, options: { seed: number; from: number; count: number; show: number }): number {
  const target = TARGETS[name]!()
  const started = performance.now()
  let told = started
  const tally = fuzz(target, options, collect!, (now) => {
    if (performance.now() - told < 10_000) return
    told = performance.now()
    console.error(`${name}: ${now.inputs} inputs, ${now.failures.length} failures`)
  })
  report(name, tally.failures, options.show)
  const live = askLive(
    name,
    options.seed,
    tally.heavy.map(({ index }) => index),
  )
  report(name, live.failures, options.show)
  const codes = [...tally.refused].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`)
  const { slowest } = tally
  const fixed = `${(target.fixed ?? FIXED) / 1024} KiB`
  console.log(
    [
      '',
      `${name}: ${tally.inputs} inputs of ${(tally.bytes / tally.inputs).toFixed(0)} bytes, ${tally.taken} taken; ${((performance.now() - started) / 1000).toFixed(0)} s`,
      `  refused    ${codes.join(', ')}`,
      `  failures   ${tally.failures.length}`,
      `  slowest    ${slowest.milliseconds.toFixed(0)} ms, input ${slowest.index}`,
      `  memory     ${tally.heavy.length} allocate more than ${TIMES} times their size and ${fixed}; of these ${live.failures.length} hold more at once; the worst holds ${live.worst.toFixed(1)} times its size besides, the most is ${(live.most / 1024).toFixed(0)} KiB`,
    ].join('\n'),
  )
  return tally.failures.length + live.failures.length
}

/** A process with other flags runs inputs again. */
function askLive(name: string, seed: number, indexes: readonly number[]): LiveTally {
  if (indexes.length === 0) return { worst: 0, most: 0, failures: [] }
  const args = [
    ...LIVE_FLAGS,
    process.argv[1]!,
    '--loader',
    name,
    '--seed',
    String(seed),
    '--live',
    indexes.join(','),
  ]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`the measurement of memory failed: ${stderr}`)
  return JSON.parse(stdout) as LiveTally
}

function main(): number {
  const text = { type: 'string' } as const
  let values: { [name: string]: string | boolean | undefined }
  try {
    values = parseArgs({
      options: {
        count: text,
        seed: text,
        from: text,
        show: text,
        loader: text,
        live: text,
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    console.error((error as Error).message)
    return 2
  }
  if (values['help']) {
    console.log(usage)
    return 0
  }
  const number = (name: string, fallback: number): number => Number(values[name] ?? fallback)
  const [count, seed, from, show] = [
    number('count', 100_000),
    number('seed', 1),
    number('from', 0),
    number('show', 5),
  ] as const
  const names = String(values['loader'] ?? Object.keys(TARGETS).join(',')).split(',')
  const wrong = names.find((name) => !Object.hasOwn(TARGETS, name))
  if (wrong !== undefined || ![count, seed, from, show].every((one) => Number.isInteger(one) && one >= 0)) {
    console.error(wrong === undefined ? 'numbers are whole and not negative' : `no loader ${wrong}`)
    return 2
  }
  if (!collect) {
    const args = [...METER_FLAGS, process.argv[1]!, ...process.argv.slice(2)]
    return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
  }
  if (values['live'] !== undefined) {
    const indexes = String(values['live']).split(',').map(Number)
    console.log(JSON.stringify(measureLive(TARGETS[names[0]!]!(), seed, indexes, collect)))
    return 0
  }
  const failures = names.map((name) => fuzzOne(name, { seed, from, count, show }))
  return failures.every((failed) => failed === 0) ? 0 : 1
}

process.exitCode = main()
