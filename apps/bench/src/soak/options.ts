import { readArguments, readNumber } from '../arguments.ts'
import { BenchError } from '../errors.ts'

export const soakUsage: string = `usage: npm run bench -- soak [options]

Runs packets through a firewall's maps, a ring buffer and a filter without pause, in one process, and tells each minute
how many they were and what memory there is. Exit status 1 when the last minute is slower than 95 % of the second, or memory
grows.

  --minutes N      how long (default 10; at least three periods)
  --period S       seconds of one line, a minute by default
  --json           figures for machines, on standard output
  --help           this text`

export interface SoakOptions {
  /** Seconds of one period, and how many periods. */
  readonly period: number
  readonly periods: number
  readonly json: boolean
  readonly help: boolean
}

/** Reads the command line. Throws BenchError BAD_OPTION. */
export function parseSoakOptions(args: readonly string[]): SoakOptions {
  const { values } = readArguments({
    args: [...args],
    options: {
      minutes: { type: 'string' },
      period: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const number = (option: 'minutes' | 'period', fallback: number): number =>
    readNumber(option, values[option], fallback, { least: 0.01 })
  const minutes = number('minutes', 10)
  const period = number('period', 60)
  const periods = Math.round((minutes * 60) / period)
  if (periods < 3) {
    throw new BenchError(
      'BAD_OPTION',
      `${minutes} minutes are ${periods} periods of ${period} s; give at least three`,
    )
  }
  return { period, periods, json: values.json ?? false, help: values.help ?? false }
}
