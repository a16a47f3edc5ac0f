import { readArguments, readNumber } from './arguments.ts'
import { BenchError } from './errors.ts'
import { programs } from './programs.ts'

export const usage: string = `usage: npm run bench -- [options]

Times BPF programs on Skep's engines, beside the kernel's own test run where this is Linux and root.

  --only a,b,…     these programs alone: ${programs.map((p) => p.id).join(', ')}, and ring
  --quick          no timing: one run of every program on every engine, and whether all agree
  --json           figures for machines, on standard output
  --rounds N       turns of each side (default 51)
  --window MS      length of one turn (default 2)
  --warm-up MS     run of each side before it counts (default 300)
  --cold N         new threads for the first 256 runs of each program, each way (default 3; 0: none)
  --object FILE    the XDP programs of this object instead
  --program NAME   of the object this program alone
  --as ID          packet and map contents as for this program (default b)
  --help           this text

Others: npm run bench -- verify | workers | maps | startup | pcap | soak --help`

/** The id under which the rings of packets go. */
export const RING = 'ring'

export interface BenchOptions {
  /** Ids of programs, and `ring`. */
  readonly only: readonly string[]
  readonly quick: boolean
  readonly json: boolean
  readonly help: boolean
  readonly rounds: number
  /** Milliseconds. */
  readonly window: number
  readonly warmUp: number
  readonly cold: number
  readonly object?: string
  readonly program?: string
  readonly as: string
}

const whole = ['rounds', 'cold']

/** Reads the command line. Throws BenchError BAD_OPTION. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = readArguments({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      rounds: { type: 'string' },
      window: { type: 'string' },
      'warm-up': { type: 'string' },
      cold: { type: 'string' },
      object: { type: 'string' },
      program: { type: 'string' },
      as: { type: 'string' },
    },
  })
  const ids = [...programs.map((p) => p.id), RING]
  const known = (option: string, id: string): string => {
    if (ids.includes(id)) return id
    throw new BenchError('BAD_OPTION', `--${option}: no program ${id}; there are: ${ids.join(', ')}`)
  }
  const number = (
    option: 'rounds' | 'window' | 'warm-up' | 'cold',
    fallback: number,
    least: number,
  ): number => readNumber(option, values[option], fallback, { least, whole: whole.includes(option) })
  if (values.object === undefined && (values.program !== undefined || values.as !== undefined)) {
    throw new BenchError('BAD_OPTION', '--program and --as go with --object FILE')
  }
  if (values.object !== undefined && values.only !== undefined) {
    throw new BenchError('BAD_OPTION', '--only names programs of the bench; with --object, give --program')
  }
  const as = known('as', values.as ?? 'b')
  if (as === RING) throw new BenchError('BAD_OPTION', '--as: ring is no program')
  return {
    only: values.only === undefined ? ids : values.only.split(',').map((id) => known('only', id.trim())),
    quick: values.quick ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
    rounds: number('rounds', 51, 1),
    window: number('window', 2, 0.01),
    warmUp: number('warm-up', 300, 0),
    cold: number('cold', 3, 0),
    ...(values.object === undefined ? {} : { object: values.object }),
    ...(values.program === undefined ? {} : { program: values.program }),
    as,
  }
}
