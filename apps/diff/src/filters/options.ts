import { parseArgs } from 'node:util'
import { UsageError } from '../options.ts'

export const usage: string = `usage: npm run diff:filters -- [options]

Compares the pcap filter language with libpcap: the packets that each expression accepts, what is refused, and how long the
code is. Needs a C compiler and libpcap's headers and library; no root.

  --count N      generated expressions, besides those of src/filters/expressions.txt (default 2000)
  --own FILE     expressions of a file in the form of src/filters/expressions.txt, instead of those
  --seed N       of the captures and the generated expressions (default 1)
  --show N       differences to show (default 20)
  --longer N     expressions to show for which our code is longer (default 0)
  --page FILE    write the figures between the marks of this page, docs/reference/filters.md
  --help         this text

Exit status: 0 where both sides refuse the same expressions and accept the same packets, but for what libpcap is known to do
otherwise (src/filters/known.ts), and at least 90 % of the code is no longer; else 1.`

export interface Options {
  readonly count: number
  readonly seed: number
  readonly show: number
  readonly longer: number
  readonly page?: string
  readonly own?: string
  readonly help: boolean
}

const text = { type: 'string' } as const

/** Reads the command line. Throws UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const values = split(args)
  const number = (name: 'count' | 'seed' | 'show' | 'longer', fallback: number): number => {
    const value = values[name] === undefined ? fallback : Number(values[name])
    if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value
    throw new UsageError(`--${name} is ${values[name]}; give a whole number from 0`)
  }
  return {
    count: number('count', 2000),
    seed: number('seed', 1),
    show: number('show', 20),
    longer: number('longer', 0),
    ...(values.page === undefined ? {} : { page: values.page }),
    ...(values.own === undefined ? {} : { own: values.own }),
    help: values.help ?? false,
  }
}

interface Values {
  count?: string
  seed?: string
  show?: string
  longer?: string
  page?: string
  own?: string
  help?: boolean
}

function split(args: readonly string[]): Values {
  try {
    const options = {
      count: text,
      seed: text,
      show: text,
      longer: text,
      page: text,
      own: text,
      help: { type: 'boolean' },
    } as const
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
