import type { Kernel } from '@skep/linux'
import { readArguments, readNumber } from '../arguments.ts'
import { findKernel } from '../bench.ts'
import { BenchError } from '../errors.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import { type Measured, type MeasureOptions, measure, type Side } from '../measure.ts'
import type { Printer } from '../pcap/main.ts'
import { formatNumber, formatSpread, table } from '../report.ts'
import { CallsProgram } from './calls.ts'
import { HostSide } from './host.ts'
import { LoopsHere, LoopsThere, mostRuns, operationsOf } from './loops.ts'
import { FRESH, type MapRow, rows } from './rows.ts'

export const mapsUsage: string = `usage: npm run bench -- maps [options]

Times maps: the host's operations beside bpf(2) called from C, and programs of 64 operations on the JIT beside the kernel's
own test run. Needs Linux, root and a C compiler (cc).

  --only TEXT      maps alone whose title begins so
  --rounds N       turns of each side (default 31)
  --window MS      length of one turn (default 2)
  --warm-up MS     run of each side before it counts (default 100)
  --json           figures for machines, on standard output
  --help           this text`

/** One operation: Skep's time and the kernel's, and their ratio round by round. */
export interface MapFigure {
  readonly map: string
  readonly from: 'host' | 'program'
  readonly operation: string
  readonly skep: Measured
  readonly kernel: Measured
}

const options = {
  only: { type: 'string', default: '' },
  rounds: { type: 'string' },
  window: { type: 'string' },
  'warm-up': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function pair(
  skep: Pick<Side, 'time' | 'mostRuns'>,
  kernel: Pick<Side, 'time' | 'mostRuns'>,
  measuring: MeasureOptions,
): Promise<{ skep: Measured; kernel: Measured }> {
  const sides: Side[] = [
    { name: 'skep', ...skep },
    { name: 'kernel', compiled: true, ...kernel },
  ]
  const measured = await measure(sides, { ...measuring, base: 'kernel' })
  return { skep: measured.get('skep')!, kernel: measured.get('kernel')! }
}

/** The same for one of the operations of a run. */
function each(
  { skep, kernel }: { skep: Measured; kernel: Measured },
  operations: number,
): { skep: Measured; kernel: Measured } {
  const part = ({ ns, ...rest }: Measured): Measured => ({
    ...rest,
    ns: { median: ns.median / operations, min: ns.min / operations, max: ns.max / operations },
  })
  return { skep: part(skep), kernel: part(kernel) }
}

/** The processes in C that do what a host does. */
interface Programs {
  readonly calls: CallsProgram
  readonly rings: CallsProgram
}

/** All figures of one map, which is gone afterwards. */
async function measureRow(
  row: MapRow,
  kernel: Kernel,
  { calls, rings }: Programs,
  measuring: MeasureOptions,
): Promise<MapFigure[]> {
  const here = await LoopsHere.create(row, kernel.possibleCpus)
  const there = new LoopsThere(kernel, row, rings)
  const child = calls.open(there.map.fd, row.entries, there.map.valueBytes, row.map.keySize)
  const host = new HostSide(here.map, row)
  const figures: MapFigure[] = []
  const limited = (most: number | undefined): Pick<Side, 'mostRuns'> =>
    most === undefined ? {} : { mostRuns: most }
  try {
    for (const operation of row.host) {
      const few = limited(comesAndGoes.has(operation) ? FRESH : undefined)
      const figure = await pair(
        { time: async (runs) => host.time(operation, runs), ...few },
        { time: (runs) => child.time(operation, runs), ...few },
        measuring,
      )
      figures.push({ map: row.title, from: 'host', operation, ...figure })
    }
    for (const program of row.programs) {
      const few = limited(mostRuns(program))
      const figure = await pair(
        { time: async (runs) => here.time(program, runs), ...few },
        { time: (runs) => there.time(program, runs), ...few },
        measuring,
      )
      const operations = operationsOf(row, program)
      figures.push({ map: row.title, from: 'program', operation: program, ...each(figure, operations) })
      for (const operation of row.rings ?? []) {
        const ends = await pair(
          { time: (runs) => here.timeRing(operation, runs), ...few },
          { time: (runs) => there.timeRing(operation, runs), ...few },
          measuring,
        )
        figures.push({ map: row.title, from: 'host', operation, ...each(ends, operations) })
      }
    }
  } finally {
    child.close()
    here.close()
    there.close()
  }
  return figures
}

/** Of keys that are not there before or after. */
const comesAndGoes: ReadonlySet<string> = new Set(['insert', 'delete', 'batch_delete'])

const cells = ({ map, from, operation, skep, kernel }: MapFigure): string[] => [
  map,
  from,
  operation,
  formatNumber(skep.ns.median),
  formatNumber(kernel.ns.median),
  formatSpread(skep.ratio),
]

/** `npm run bench -- maps`. */
export async function benchMaps(args: readonly string[], { print, progress }: Printer): Promise<void> {
  const { values: given } = readArguments({ args: [...args], options })
  if (given.help) {
    print(mapsUsage)
    return
  }
  const measuring: MeasureOptions = {
    rounds: readNumber('rounds', given.rounds, 31, { least: 1, whole: true }),
    window: readNumber('window', given.window, 2, { least: 0.01 }) * 1e6,
    warmUp: readNumber('warm-up', given['warm-up'], 100, { least: 0.01 }) * 1e6,
  }
  const chosen = rows.filter(({ title }) => given.only === '' || title.startsWith(given.only))
  if (chosen.length === 0) {
    const titles = rows.map(({ title }) => title).join('; ')
    throw new BenchError('BAD_OPTION', `--only ${given.only} begins no title; there are: ${titles}`)
  }
  const { kernel, ...absent } = await findKernel()
  if (!kernel)
    throw new BenchError('NOT_FOUND', `no kernel to compare with: ${'reason' in absent ? absent.reason : ''}`)
  const calls = new CallsProgram('syscalls.c')
  const rings = new CallsProgram('rings.c')
  const machine = describeMachine()
  const figures: MapFigure[] = []
  try {
    for (const row of chosen) {
      progress(row.title)
      figures.push(...(await measureRow(row, kernel, { calls, rings }, measuring)))
    }
  } finally {
    progress('')
    calls.close()
    rings.close()
    kernel.close()
  }
  if (given.json) {
    print(JSON.stringify({ date: new Date().toISOString(), machine, figures }, null, 2))
    return
  }
  print(`${new Date().toISOString().slice(0, 10)}; ${formatMachine(machine)}`)
  print(
    `${measuring.rounds} rounds, windows of ${measuring.window / 1e6} ms, the sides in turn, warm; nanoseconds of one operation\n`,
  )
  print(table(['map', 'from', 'operation', 'Skep', 'kernel', 'ratio (least–most)'], figures.map(cells), 3))
}
