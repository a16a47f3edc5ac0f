import { parseArgs } from 'node:util'
import { UsageError } from '../options.ts'

export const usage: string = `usage: npm run diff:objects -- [options] [NAME=]PATH...

Compares what parseElf makes of objects with what libbpf gives to the kernel for them: programs, instructions after
relocation, maps with their flags and first values, references, function and line records, BTF. PATH is an object or a
folder of them; all ELF files in it are read. Needs gcc and libbpf's headers and library; no root, nothing is loaded.

  --libbpf DIR     ask the libbpf that is installed below DIR (DIR/usr/include, DIR/usr/lib64/libbpf.a), too, where the
                   system's takes an object not; may be given again
  --show N         at most so many differences of an object (default 3)
  --all            name the objects that are the same, too
  --out FILE       write the figures there, between the lines "<!-- figures -->" and "<!-- end -->"
  --help           this text

Exit status: 0 where nothing differs but what libbpf refuses and is taken here for a known reason; else 1.`

export interface Collection {
  readonly name: string
  readonly path: string
}

export interface Options {
  readonly collections: readonly Collection[]
  readonly libbpf: readonly string[]
  readonly show: number
  readonly all: boolean
  readonly out?: string
  readonly help: boolean
}

/** Reads the command line. Throws UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = split(args)
  const show = Number(values.show ?? 3)
  if (!Number.isInteger(show) || show < 0)
    throw new UsageError(`--show is ${values.show}; give a whole number from 0`)
  const collections = positionals.map((word) => {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(word) ?? [word, word, word]
    return { name: name!, path: path! }
  })
  if (collections.length === 0 && !values.help) throw new UsageError('no folder and no object is named')
  return {
    collections,
    libbpf: values.libbpf ?? [],
    show,
    all: values.all ?? false,
    help: values.help ?? false,
    ...(values.out === undefined ? {} : { out: values.out }),
  }
}

function split(args: readonly string[]): ReturnType<typeof words> {
  try {
    return words(args)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

const words = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      libbpf: { type: 'string', multiple: true },
      show: { type: 'string' },
      out: { type: 'string' },
      all: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
