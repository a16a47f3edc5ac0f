import { readArguments, readNumber } from '../arguments.ts'

export const verifyUsage: string = `usage: npm run bench -- verify [options] [FILE | FOLDER ...]

Times the verifier on programs of object files, beside the kernel's own load of each (BPF_PROG_LOAD, no log) where this is
Linux and root. Without a file or folder: the programs of the bench and of the fixtures.

  --only TEXT      programs alone whose object or name has this text
  --least N        programs, and objects, alone that walk more instructions than this (default 1000)
  --rounds N       turns of each side, once warm (default 31)
  --seconds S      at most so long for the turns of one program (default 10); at least three rounds
  --cold N         new processes for each object, that verify its programs once (default 5; 0: none)
  --whole N        whole loads of each object: parse, verify, link, compile (default 5; 0: none)
  --json           figures for machines, on standard output
  --help           this text`

export interface VerifyOptions {
  readonly paths: readonly string[]
  readonly only: string
  readonly least: number
  readonly rounds: number
  readonly seconds: number
  readonly cold: number
  readonly whole: number
  readonly json: boolean
  readonly help: boolean
}

/** Reads the command line behind `verify`. Throws BenchError BAD_OPTION. */
export function parseVerifyOptions(args: readonly string[]): VerifyOptions {
  const { values, positionals } = readArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      least: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      cold: { type: 'string' },
      whole: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  type Numeric = 'least' | 'rounds' | 'seconds' | 'cold' | 'whole'
  const number = (option: Numeric, fallback: number, least: number): number =>
    readNumber(option, values[option], fallback, { least, whole: option !== 'seconds' })
  return {
    paths: positionals,
    only: values.only ?? '',
    least: number('least', 1000, 0),
    rounds: number('rounds', 31, 1),
    seconds: number('seconds', 10, 0),
    cold: number('cold', 5, 0),
    whole: number('whole', 5, 0),
    json: values.json ?? false,
    help: values.help ?? false,
  }
}
