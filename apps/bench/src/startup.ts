import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readArguments, readNumber } from './arguments.ts'
import { BenchError } from './errors.ts'
import { benchFolder } from './folders.ts'
import { describeMachine, formatMachine } from './machine.ts'
import { type Spread, spread } from './statistics.ts'

export const startupUsage: string = `usage: npm run bench -- startup [options]

Times the start of Skep in new processes, as a user's program has it: the import of the built @skep/runtime, and from
createRuntime to the first verdict of the firewall object, whose bytes are in memory; and weighs browser bundles.

  --processes N    of each kind, in turn (default 21)
  --json           figures for machines, on standard output
  --help           this text`

/** Milliseconds of one process. */
interface Start {
  readonly import: number
  readonly create: number
  readonly parse: number
  readonly load: number
  readonly run: number
  /** create to run. */
  readonly total: number
  readonly verdict: number
}

const laps = ['import', 'create', 'parse', 'load', 'run', 'total'] as const
type Lap = (typeof laps)[number]

/** What a process does, by the options that it gives createRuntime. */
const kinds: readonly { readonly name: string; readonly options: string }[] = [
  { name: 'as it comes', options: '{}' },
  { name: 'tierUp', options: '{ tierUp: true }' },
  { name: 'cache in a folder', options: '{ cache: createFileCache(process.argv[2]) }' },
  { name: 'interpreter', options: "{ engine: 'interpreter' }" },
]

/** XDP_PASS: nobody is blocked. */
const VERDICT = 2

const script = (options: string): string => `
import { readFileSync } from 'node:fs'
${options.includes('createFileCache') ? "import { createFileCache } from '@skep/runtime/node'" : ''}
const bytes = new Uint8Array(readFileSync(process.argv[1]))
const times = [performance.now()]
const lap = () => times.push(performance.now())
const { createRuntime, parseElf } = await import('@skep/runtime')
lap()
const runtime = await createRuntime(${options})
lap()
const spec = parseElf(bytes)
lap()
const collection = await runtime.load(spec)
lap()
const { retval } = collection.program('firewall', 'xdp').testRun({ data: new Uint8Array(64) })
lap()
console.log(JSON.stringify([...times.slice(1).map((time, n) => time - times[n]), times[5] - times[1], retval]))
process.exit()
`

function start(options: string, object: string, folder: string): Promise<Start> {
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '-e', script(options), object, folder]
    // A user's process has no options of ours, and its packages are the built ones.
    const env = { ...process.env, NODE_OPTIONS: '' }
    execFile(process.execPath, args, { cwd: benchFolder, env }, (error, stdout, stderr) => {
      if (error) {
        reject(new BenchError('WORKER', `the new process failed: ${stderr.trim() || error.message}`))
        return
      }
      const [fresh, create, parse, load, run, total, verdict] = JSON.parse(stdout) as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      resolve({ import: fresh, create, parse, load, run, total, verdict })
    })
  })
}

interface Size {
  readonly name: string
  readonly minified: number
  readonly gzip: number
  readonly aim?: number
}

function sizes(): Promise<readonly Size[]> {
  const file = join(benchFolder, '../../scripts/bundle-sizes.mjs')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, '--json'], (error, stdout, stderr) => {
      if (error) reject(new BenchError('WORKER', `bundle-sizes failed: ${stderr.trim() || error.message}`))
      else resolve(JSON.parse(stdout) as Size[])
    })
  })
}

/** `bench startup` */
export async function benchStartup(args: readonly string[], print: (text: string) => void): Promise<void> {
  const { values } = readArguments({
    args: [...args],
    options: {
      processes: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const processes = readNumber('processes', values.processes, 21, { least: 1, whole: true })
  if (values.help) {
    print(startupUsage)
    return
  }
  const object = join(benchFolder, '../cli/testdata/firewall.o')
  const folder = mkdtempSync(join(tmpdir(), 'skep-startup-'))
  const starts = new Map(kinds.map(({ name }) => [name, [] as Start[]]))
  try {
    // The first process of each kind fills the cache and the system's own of files, and does not count.
    for (let n = -1; n < processes; n++) {
      for (const { name, options } of kinds) {
        const one = await start(options, object, folder)
        if (one.verdict !== VERDICT)
          throw new BenchError('WORKER', `${name}: the verdict is ${one.verdict} instead of ${VERDICT}`)
        if (n >= 0) starts.get(name)!.push(one)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const figures = [...starts].map(([name, all]) => ({
    name,
    ...(Object.fromEntries(laps.map((lap) => [lap, spread(all.map((one) => one[lap]))])) as Record<
      Lap,
      Spread
    >),
  }))
  const bundles = await sizes()
  const machine = describeMachine()
  if (values.json) {
    print(JSON.stringify({ date: new Date().toISOString(), machine, processes, figures, bundles }, null, 2))
    return
  }
  print(`${new Date().toISOString().slice(0, 10)}; ${formatMachine(machine)}`)
  print(`\nMilliseconds of ${processes} new processes each: median (least–most)\n`)
  const cell = ({ median, min, max }: Spread): string =>
    `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`
  print(`| | ${laps.join(' | ')} |\n|---|${laps.map(() => '--:|').join('')}`)
  for (const row of figures) print(`| ${row.name} | ${laps.map((lap) => cell(row[lap])).join(' | ')} |`)
  print('\n| browser bundle | minified | gzipped | aim |\n|---|--:|--:|--:|')
  for (const { name, minified, gzip, aim } of bundles) {
    const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`
    print(`| ${name} | ${kb(minified)} | ${kb(gzip)} | ${aim === undefined ? '' : kb(aim)} |`)
  }
}
