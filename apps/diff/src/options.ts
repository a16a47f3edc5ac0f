import { parseArgs } from 'node:util'

export const usage: string = `usage: npm run diff:kernel -- [options]

Generates programs and compares Skep's verifier with the running kernel's (Linux, root).

  --count N           programs (default 200000)
  --seed N            of the whole run (default 1); a program's own is shown with each difference
  --generator KIND    grammar, mutation or all (default)
  --from N            begin with program number N of the run
  --rows FILE         more programs to mutate: JSON lines as of skep verify --jsonl
  --kinds A,B         differences to show: unsafe, limit, strict, errno, line, processed
                      (default unsafe, limit, strict, errno)
  --show N            at most so many of each kind (default 10)
  --minimise          cut down what is shown
  --out FILE          also write each shown difference as a JSON line there
  --templates         list the kinds of decisive lines that were reached, with counts
  --help              this text

Exit status: 0 where no program is accepted that the kernel refuses and at least 99.5 % have the same verdict; else 1.`

export type Generator = 'grammar' | 'mutation' | 'all'

export interface Options {
  readonly count: number
  readonly seed: number
  readonly from: number
  readonly generator: Generator
  readonly rows?: string
  readonly kinds: readonly string[]
  readonly show: number
  readonly minimise: boolean
  readonly out?: string
  readonly templates: boolean
  readonly help: boolean
}

/** Wrong words on the command line. */
export class UsageError extends Error {
  readonly code = 'USAGE'
  override readonly name = 'UsageError'
}

const GENERATORS: readonly string[] = ['grammar', 'mutation', 'all'] satisfies Generator[]
const KINDS: readonly string[] = ['unsafe', 'limit', 'strict', 'errno', 'line', 'processed']

/** Reads the command line. Throws UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const values = split(args)
  const number = (name: 'count' | 'seed' | 'from' | 'show', fallback: number, least: number): number => {
    const text = values[name]
    const value = text === undefined ? fallback : Number(text)
    if (Number.isInteger(value) && value >= least && value <= 0xffff_ffff) return value
    throw new UsageError(`--${name} is ${text}; give a whole number from ${least}`)
  }
  const generator = values.generator ?? 'all'
  if (!GENERATORS.includes(generator))
    throw new UsageError(`--generator is ${generator}; give ${GENERATORS.join(', ')}`)
  const kinds = values.kinds?.split(',') ?? ['unsafe', 'limit', 'strict', 'errno']
  const wrong = kinds.find((kind) => !KINDS.includes(kind))
  if (wrong !== undefined) throw new UsageError(`--kinds: no kind ${wrong}; there are: ${KINDS.join(', ')}`)
  return {
    count: number('count', 200_000, 1),
    seed: number('seed', 1, 0),
    from: number('from', 0, 0),
    generator: generator as Generator,
    ...(values.rows === undefined ? {} : { rows: values.rows }),
    kinds,
    show: number('show', 10, 0),
    minimise: values.minimise ?? false,
    ...(values.out === undefined ? {} : { out: values.out }),
    templates: values.templates ?? false,
    help: values.help ?? false,
  }
}

interface Values {
  count?: string
  seed?: string
  from?: string
  show?: string
  generator?: string
  rows?: string
  kinds?: string
  out?: string
  minimise?: boolean
  templates?: boolean
  help?: boolean
}

function split(args: readonly string[]): Values {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        count: text,
        seed: text,
        from: text,
        show: text,
        generator: text,
        rows: text,
        kinds: text,
        out: text,
        minimise: flag,
        templates: flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
