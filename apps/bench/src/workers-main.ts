import { readArguments, readNumber } from './arguments.ts'
import { BenchError } from './errors.ts'
import { describeMachine, formatMachine } from './machine.ts'
import type { Spread } from './statistics.ts'
import { benchWorkers, workerCases } from './workers.ts'

export const workersUsage: string = `usage: npm run bench -- workers [options]

Times programs with one worker and with two on one shared runtime, in batches, over 16,384 packets of many flows.

  --only b,c,…   these alone: ${workerCases.map(({ id }) => id).join(', ')}
  --rounds N     turns of each side (default 21)
  --window MS    length of one turn of one worker (default 5)
  --json         figures for machines
  --help         this text`

const round = ({ median, min, max }: Spread, digits: number): string =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`

/** `npm run bench -- workers`; `file` is what a worker runs. */
export async function benchWorkersMain(
  args: readonly string[],
  file: string,
  print: (text: string) => void,
): Promise<void> {
  const { values } = readArguments({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      window: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return print(workersUsage)
  const only = values.only?.split(',')
  const unknown = only?.find((id) => !workerCases.some((one) => one.id === id))
  if (unknown !== undefined) {
    const known = workerCases.map(({ id }) => id).join(', ')
    throw new BenchError('BAD_OPTION', `--only ${unknown}: there are ${known}`)
  }
  const machine = describeMachine()
  const options = {
    rounds: readNumber('rounds', values.rounds, 21, { least: 1, whole: true }),
    window: readNumber('window', values.window, 5, { least: 0.01 }) * 1e6,
  }
  const results = []
  for (const one of workerCases.filter(({ id }) => only?.includes(id) ?? true)) {
    results.push(await benchWorkers(one, file, options))
  }
  if (values.json) return print(JSON.stringify({ machine, options, workers: results }, null, 2))
  print(formatMachine(machine))
  for (const { id, title, one, two, gain, disturbed } of results) {
    const note = disturbed > 0 ? `  (${disturbed} turns disturbed)` : ''
    print(
      `${id.padEnd(9)}${title.padEnd(34)} 1 worker ${round(one, 2)} ns  2 workers ${round(two, 2)} ns  gain ${round(gain, 2)}${note}`,
    )
  }
}
