import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { about } from '../input.ts'
import { jsonValue } from '../output.ts'
import { EXIT, UsageError } from '../report.ts'
import { type Clause, type ProbeName, TraceError } from '../trace/ast.ts'
import { flameGraph, foldStacks, formatFolded } from '../trace/flame-graph.ts'
import { generate } from '../trace/generate.ts'
import { parseProbe, parseProgram } from '../trace/parse-program.ts'
import { formatResults } from '../trace/print-results.ts'
import type { MapResult } from '../trace/results.ts'
import { type RunningTrace, runScript, startTrace } from '../trace/run-trace.ts'

interface Options {
  readonly expression?: string
  readonly file?: string
  readonly count: readonly string[]
  readonly latency: readonly string[]
  readonly stacks: readonly string[]
  readonly profile?: string | true
  readonly async?: boolean
  readonly seconds?: string
  readonly flame?: string
  readonly folded?: string
  readonly output?: string
  readonly json?: boolean
}

const HELP = `
Probes: kprobe:MODULE:FUNCTION, kretprobe:…, uprobe:…, uretprobe:… (a path as Server.prototype.emit, with * at its end for
several), usdt:CHANNEL of diagnostics_channel, tracepoint:NAME (async_hooks:init, perf_hooks:gc, …), profile:hz:RATE.
Programs are a part of bpftrace's language: filters, maps with keys, count(), sum(), min(), max(), hist(), delete().

Examples:
  skep trace --count 'kprobe:http:ServerResponse.prototype.*' server.js
  skep trace --latency kprobe:zlib:gzipSync script.js
  skep trace --profile --flame cpu.svg script.js -- --port 8080
  skep trace -e 'usdt:http.server.request.start { @[str(arg0.request.method)] = count() }' server.js`

/** `skep trace SCRIPT`: a Node script with probes on its functions and events. */
export function traceCommand(): Command {
  const collect = (value: string, before: readonly string[]): string[] => [...before, value]
  return new Command('trace')
    .description('count, time and sample what a Node script does, by programs at its functions and events')
    .argument('<script>', 'script to run; its own options after --')
    .argument('[args...]', 'arguments of the script')
    .option('-e, --expression <program>', 'trace with this program')
    .option('-f, --file <file>', 'trace with the program in this file')
    .option('--count <probe>', 'count calls by function (repeatable)', collect, [])
    .option(
      '--latency <probe>',
      'histogram of the time that calls take, by function (repeatable)',
      collect,
      [],
    )
    .option('--stacks <probe>', 'count calls by the stack that they come from (repeatable)', collect, [])
    .option('--profile [rate]', 'sample the stack so often a second (default 99)')
    .option('--async', 'calls that give promises end when those are settled')
    .option('--seconds <n>', 'end the script after so many seconds')
    .option('--flame <file>', 'write the stacks as a flame graph, in SVG')
    .option('--folded <file>', 'write the stacks folded, for other tools')
    .option('-o, --output <file>', 'write the results there, not to standard output')
    .option('--json', 'results as JSON')
    .addHelpText('after', HELP)
    .action(async (script: string, args: readonly string[], options: Options) => {
      const seconds = secondsOf(options.seconds)
      const clauses = await clausesOf(options)
      const program = located('the program', options.expression ?? '', () => generate(clauses))
      const trace = await startTrace(program, {
        script: resolve(script),
        ...(options.async ? { settlement: true } : {}),
      })
      reportAtEnd(trace, script, options)
      if (seconds !== undefined) setTimeout(() => process.exit(), seconds * 1000).unref()
      await runScript(script, args).catch((error) => {
        throw about(script, error)
      })
    })
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 86_400) return seconds
  throw new UsageError(`--seconds takes a number up to 86400, not "${text}"`)
}

/** The program, and the ready-made ones as what they stand for. */
async function clausesOf(options: Options): Promise<readonly Clause[]> {
  const clauses: Clause[] = []
  if (options.expression !== undefined) clauses.push(...parsed('the program', options.expression))
  if (options.file !== undefined) clauses.push(...parsed(options.file, await readFile(options.file, 'utf8')))
  for (const probe of options.count)
    clauses.push(...parsed('--count', `${probe} { @calls[${labelOf(probe)}] = count() }`))
  for (const probe of options.stacks)
    clauses.push(...parsed('--stacks', `${probe} { @stacks[ustack] = count() }`))
  for (const probe of options.latency) clauses.push(latency(parsedProbe('--latency', probe)))
  if (options.profile !== undefined) {
    const rate = options.profile === true ? '99' : options.profile
    clauses.push(...parsed('--profile', `profile:hz:${rate} { @samples[ustack] = count() }`))
  }
  if (clauses.length === 0)
    throw new UsageError('say what to trace: -e, -f, --count, --latency, --stacks or --profile')
  return clauses
}

/** Functions by their names, other events by the probe. */
const labelOf = (probe: string): string => (/^k|^u(?!sdt)/.test(probe) ? 'func' : 'probe')

const parsed = (where: string, text: string): readonly Clause[] =>
  located(where, text, () => parseProgram(text))
const parsedProbe = (where: string, text: string): ProbeName => located(where, text, () => parseProbe(text))

/** A program's error with its line and column. */
function located<T>(where: string, text: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof TraceError)) throw error
    const before = text.slice(0, error.at).split('\n')
    const place = before.length > 1 ? `line ${before.length}, ` : ''
    throw new UsageError(`${where}, ${place}column ${before.at(-1)!.length + 1}: ${error.message}`)
  }
}

function latency(probe: ProbeName): Clause {
  if (probe.kind !== 'kprobe')
    throw new UsageError(`--latency takes a function, as kprobe:MODULE:FUNCTION, not ${probe.text}`)
  return {
    probes: [{ ...probe, kind: 'session' }],
    body: [
      {
        kind: 'aggregate',
        with: 'hist',
        map: { name: '@latency', keys: [{ kind: 'builtin', name: 'func', at: 0 }], at: 0 },
        of: { kind: 'builtin', name: 'elapsed', at: 0 },
      },
    ],
  }
}

/** However the script ends, the results come then. */
function reportAtEnd(trace: RunningTrace, script: string, options: Options): void {
  let done = false
  const report = (): void => {
    if (done) return
    done = true
    try {
      write(trace.finish(), script, options)
      for (const [message, times] of trace.problems)
        process.stderr.write(`${pc.yellow('warning:')} ${message}${times > 1 ? ` (${times} times)` : ''}\n`)
    } catch (error) {
      process.stderr.write(`${pc.red('skep:')} ${(error as Error).message}\n`)
      process.exitCode = EXIT.refused
    }
  }
  process.on('exit', report)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit())
}

function write(results: readonly MapResult[], script: string, options: Options): void {
  const stacks = foldStacks(results)
  if (options.flame !== undefined) writeFileSync(options.flame, flameGraph(stacks, script))
  if (options.folded !== undefined) writeFileSync(options.folded, formatFolded(stacks))
  const text = options.json ? JSON.stringify(results, jsonValue, 2) : formatResults(results)
  if (options.output !== undefined) writeFileSync(options.output, `${text}\n`)
  // Stacks that are in a file are long on a screen.
  else if (options.flame === undefined && options.folded === undefined) process.stdout.write(`${text}\n`)
  else
    process.stdout.write(`${formatResults(results.filter((one) => !hasStacks(one)))}\n`.replace(/^\n$/, ''))
}

const hasStacks = (result: MapResult): boolean =>
  'rows' in result && result.rows.some(({ key }) => key.some((part) => typeof part === 'object'))
