import { join } from 'node:path'
import { createRuntime } from '@skep/runtime'
import { readArguments, readNumber } from '../arguments.ts'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import { measure } from '../measure.ts'
import { callSides, UNPROBED } from './calls.ts'
import { benchHttp } from './http.ts'
import { spec } from './programs.ts'

export const kprobeUsage: string = `usage: npm run bench -- kprobe [options]

Times calls of JavaScript functions with and without probes, in interleaved rounds; or, with --http, puts an HTTP server
under load with and without skep trace, each time in a new process.

  --rounds N       turns of each side (default 31; with --http 5)
  --window MS      length of one turn (default 2)
  --warm-up MS     run of each side before it counts (default 200)
  --most NS        exit status 1 where an empty probe costs more than this a call
  --http           the server; --seconds N of load (default 3) after --before N (default 1), --skep FILE for the command
  --json           figures for machines, on standard output
  --help           this text`

const EMPTY = 'empty, two numbers'

/** `bench kprobe` */
export async function benchKprobe(
  args: readonly string[],
  { print, progress }: { print(text: string): void; progress(text: string): void },
): Promise<void> {
  const { values } = readArguments({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      window: { type: 'string' },
      'warm-up': { type: 'string' },
      most: { type: 'string' },
      http: { type: 'boolean' },
      seconds: { type: 'string' },
      before: { type: 'string' },
      skep: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return print(kprobeUsage)
  if (values.http) {
    const result = await benchHttp(
      {
        rounds: readNumber('rounds', values.rounds, 5, { least: 1, whole: true }),
        seconds: readNumber('seconds', values.seconds, 3, { least: 1, whole: true }),
        warmUp: readNumber('before', values.before, 1, { least: 1, whole: true }),
        skep: values.skep ?? join(benchFolder, '../cli/bin/skep.cjs'),
      },
      progress,
    )
    const machine = describeMachine()
    if (values.json)
      return print(JSON.stringify({ date: new Date().toISOString(), machine, ...result }, null, 2))
    print(`${new Date().toISOString().slice(0, 10)}; ${formatMachine(machine)}\n`)
    print(
      '| server | requests a second | p99, ms | µs of CPU a request | as a part of the one without |\n|---|--:|--:|--:|--:|',
    )
    for (const { cpu, name, p99, ratio, requestsPerSecond: rate } of result.rows) {
      const cells = [
        name,
        `${rate.median.toFixed(0)} (${rate.min.toFixed(0)}–${rate.max.toFixed(0)})`,
        p99.median.toFixed(1),
        `${cpu.median.toFixed(1)} (${cpu.min.toFixed(1)}–${cpu.max.toFixed(1)})`,
        `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`,
      ]
      print(`| ${cells.join(' | ')} |`)
    }
    print(`\nThe flame graph has ${result.flameFrames} frames. What the last one with all probes said:\n`)
    return print(result.results)
  }
  const rounds = readNumber('rounds', values.rounds, 31, { least: 3, whole: true })
  const window = readNumber('window', values.window, 2, { least: 0.01 })
  const warmUp = readNumber('warm-up', values['warm-up'], 200, { least: 0 })
  const most = values.most === undefined ? undefined : readNumber('most', values.most, 0, { least: 1 })
  const runtime = await createRuntime()
  const { sides, close } = callSides(await runtime.load(spec))
  const measured = await measure(sides, {
    rounds,
    window: window * 1e6,
    warmUp: warmUp * 1e6,
    base: UNPROBED,
  })
  close()
  runtime.close()
  const base = measured.get(UNPROBED)!.ns.median
  const rows = [...measured].map(([name, { ns }]) => ({ name, ns, more: ns.median - base }))
  const machine = describeMachine()
  if (values.json) print(JSON.stringify({ date: new Date().toISOString(), machine, rounds, rows }, null, 2))
  else {
    print(`${new Date().toISOString().slice(0, 10)}; ${formatMachine(machine)}`)
    print(`${rounds} rounds, windows of ${window} ms, the sides in turn, warm\n`)
    print('| call of a function | ns: median (least–most) | more than without |\n|---|--:|--:|')
    for (const { name, ns, more } of rows) {
      print(
        `| ${name} | ${ns.median.toFixed(1)} (${ns.min.toFixed(1)}–${ns.max.toFixed(1)}) | ${name === UNPROBED ? '' : more.toFixed(1)} |`,
      )
    }
  }
  const empty = rows.find(({ name }) => name === EMPTY)!.more
  if (most !== undefined && empty > most)
    throw new BenchError('DISAGREE', `an empty probe costs ${empty.toFixed(1)} ns a call, more than ${most}`)
}
