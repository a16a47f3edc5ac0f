import { readArguments, readNumber } from '../arguments.ts'

export const pcapUsage: string = `usage: npm run bench -- pcap [options]

Times 'skep run' of a filter over a capture beside tcpdump -r with the same filter, both writing what they keep to /dev/null,
each a process of its own on one core (taskset). The capture is generated, and deleted afterwards.

  --size MB        of the capture (default 1000)
  --rounds N       turns of each side (default 7)
  --capture FILE   this capture instead; it stays
  --folder DIR     where the capture is generated (default: the system's temporary folder)
  --cpu N          the core (default: the last one)
  --skep FILE      the command line as one file (default: apps/cli/bin/skep.cjs)
  --json           figures for machines, on standard output
  --help           this text`

export interface PcapOptions {
  /** Bytes. */
  readonly size: number
  readonly rounds: number
  readonly capture?: string
  readonly folder?: string
  readonly cpu?: number
  readonly skep?: string
  readonly json: boolean
  readonly help: boolean
}

/** Reads the command line. Throws BenchError BAD_OPTION. */
export function parsePcapOptions(args: readonly string[]): PcapOptions {
  const { values } = readArguments({
    args: [...args],
    options: {
      size: { type: 'string' },
      rounds: { type: 'string' },
      capture: { type: 'string' },
      folder: { type: 'string' },
      cpu: { type: 'string' },
      skep: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const number = (option: 'size' | 'rounds' | 'cpu', fallback: number, least: number): number =>
    readNumber(option, values[option], fallback, { least, whole: option !== 'size' })
  return {
    size: number('size', 1000, 0.01) * 1e6,
    rounds: number('rounds', 7, 1),
    ...(values.capture === undefined ? {} : { capture: values.capture }),
    ...(values.folder === undefined ? {} : { folder: values.folder }),
    ...(values.cpu === undefined ? {} : { cpu: number('cpu', 0, 0) }),
    ...(values.skep === undefined ? {} : { skep: values.skep }),
    json: values.json ?? false,
    help: values.help ?? false,
  }
}
