import { BenchError } from '../errors.ts'
import type { SoakReport } from '../json.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import type { Printer } from '../pcap/main.ts'
import { formatNumber, table } from '../report.ts'
import { SoakLoad } from './load.ts'
import { parseSoakOptions, soakUsage } from './options.ts'

/** What of the second period's rate the last one must keep. */
const LEAST_RATE = 0.95
/** MiB by which memory may differ after all: V8's heap breathes, and so do its pages. */
const MOST_GROWTH = { rss: 48, heap: 8, arena: 0 }
/** Longest time between looks at the clock and at the host's other work, in milliseconds. */
const SLICE_MS = 50

const MIB = 2 ** 20

/** Packets at full rate for so long, period by period. */
export async function soak(
  period: number,
  periods: number,
  progress: (text: string) => void,
): Promise<SoakReport> {
  const load = await SoakLoad.create()
  const machine = describeMachine()
  const date = new Date().toISOString()
  const done: SoakReport['periods'] = []
  try {
    for (let n = 0; n < periods; n++) {
      const start = performance.now()
      const before = load.packets
      let elapsed = 0
      while (elapsed < period * 1000) {
        const slice = performance.now()
        do load.step()
        while (performance.now() - slice < SLICE_MS)
        await new Promise(setImmediate)
        elapsed = performance.now() - start
      }
      const packets = load.packets - before
      const { rss, heapUsed } = process.memoryUsage()
      const memory = { rss: rss / MIB, heap: heapUsed / MIB, arena: load.arenaBytes / MIB }
      done.push({ packets, rate: (packets / elapsed) * 1000, ...memory })
      progress(
        `period ${n + 1} of ${periods}: ${formatNumber(done.at(-1)!.rate / 1e6)} million packets a second`,
      )
    }
  } finally {
    load.close()
  }
  const [, second] = done
  const last = done.at(-1)!
  const grown = (what: 'rss' | 'heap' | 'arena'): number => last[what] - second![what]
  const growth = { rss: grown('rss'), heap: grown('heap'), arena: grown('arena') }
  const rateKept = last.rate / second!.rate
  const flat = (Object.keys(MOST_GROWTH) as (keyof typeof growth)[]).every(
    (what) => growth[what] <= MOST_GROWTH[what],
  )
  return {
    date,
    machine,
    seconds: period,
    periods: done,
    rateKept,
    growth,
    steady: rateKept >= LEAST_RATE && flat,
  }
}

/** `npm run bench -- soak`. */
export async function benchSoak(args: readonly string[], { print, progress }: Printer): Promise<void> {
  const options = parseSoakOptions(args)
  if (options.help) {
    print(soakUsage)
    return
  }
  const report = await soak(options.period, options.periods, progress)
  progress('')
  print(options.json ? JSON.stringify(report, null, 2) : formatSoak(report))
  if (!report.steady) {
    const { rateKept, growth } = report
    const said = Object.entries(growth).map(([what, mib]) => `${what} ${mib.toFixed(1)} MiB`)
    throw new BenchError(
      'DISAGREE',
      `not steady: ${formatNumber(rateKept)} of the rate, growth ${said.join(', ')}`,
    )
  }
}

/** The report as a table. */
export function formatSoak({ date, machine, seconds, periods, rateKept, growth }: SoakReport): string {
  const rows = periods.map(({ rate, rss, heap, arena }, n) => [
    String(n + 1),
    formatNumber(rate / 1e6),
    ...[rss, heap, arena].map(formatNumber),
  ])
  return [
    `${date.slice(0, 10)}; ${formatMachine(machine)}`,
    `periods of ${seconds} s; the last one has ${formatNumber(rateKept)} of the second one's rate, and the process grew by ${growth.rss.toFixed(1)} MiB`,
    '',
    table(['period', 'million packets a second', 'process, MiB', 'heap, MiB', 'arena, MiB'], rows, 0),
  ].join('\n')
}
