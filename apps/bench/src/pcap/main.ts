import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCapture } from '@skep/packet'
import { BenchError } from '../errors.ts'
import { benchFolder } from '../folders.ts'
import type { PcapReport } from '../json.ts'
import { describeMachine, formatMachine } from '../machine.ts'
import { formatNumber, formatSpread, table } from '../report.ts'
import { spread } from '../statistics.ts'
import { generateCapture } from './generate.ts'
import { parsePcapOptions, pcapUsage } from './options.ts'

const EXPRESSION = 'ip and tcp port 443 and not host 192.0.2.7'
/** Packets of the capture's begin whose outputs are compared byte by byte. */
const COMPARED_BYTES = 8e6

export interface Printer {
  readonly print: (text: string) => void
  readonly progress: (text: string) => void
}

interface Side {
  readonly name: string
  readonly title: string
  readonly command: (capture: string, output: string) => readonly string[]
}

function sides(skep: string): readonly Side[] {
  const object = `${benchFolder}programs/pcap/https.o`
  const run = (name: string, title: string, file: string, ...more: string[]): Side => ({
    name,
    title,
    command: (capture, output) => [
      ...[process.execPath, skep, 'run', file, ...more, '--pcap', capture, '-w', output],
    ],
  })
  return [
    {
      name: 'tcpdump',
      title: 'tcpdump -r',
      // As root it would give its privileges up, and then not open what it is to write.
      command: (capture, output) => ['tcpdump', '-Z', 'root', '-r', capture, '-w', output, EXPRESSION],
    },
    run('socket', 'skep run, socket filter in C', object, '--program', 'https_socket'),
    run('xdp', 'skep run, XDP in C', object, '--program', 'https_xdp'),
    run('classic', 'skep run, tcpdump -ddd', `${benchFolder}programs/filter.ddd`),
    {
      name: 'filter',
      title: 'skep filter',
      command: (capture, output) => [process.execPath, skep, 'filter', EXPRESSION, capture, '-w', output],
    },
  ]
}

/** Runs a command on one core; answers its seconds. */
function time(cpu: number, command: readonly string[]): number {
  const start = performance.now()
  const { status, stderr, error } = spawnSync('taskset', ['-c', String(cpu), ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (error) throw new BenchError('NOT_FOUND', `taskset: ${error.message}`, error)
  if (status !== 0) throw new BenchError('REFUSED', `${command.slice(0, 4).join(' ')} …: ${stderr.trim()}`)
  return (performance.now() - start) / 1000
}

/** Every side keeps the same packets of the capture's begin. Throws BenchError DISAGREE. */
function agree(all: readonly Side[], capture: string, folder: string): number {
  const begin = join(folder, 'begin.pcap')
  const bytes = new Uint8Array(Math.min(COMPARED_BYTES, statSync(capture).size))
  const file = openSync(capture, 'r')
  readSync(file, bytes)
  closeSync(file)
  writeFileSync(begin, wholeRecords(bytes))
  let reference: string[] | undefined
  for (const { title, command } of all) {
    const output = join(folder, 'kept.pcap')
    time(0, command(begin, output))
    const kept = [...parseCapture(readFileSync(output))].map(
      ({ seconds, nanos, data }) => `${seconds}.${nanos} ${Buffer.from(data).toString('base64')}`,
    )
    reference ??= kept
    if (kept.length !== reference.length || kept.some((text, i) => text !== reference![i])) {
      throw new BenchError(
        'DISAGREE',
        `${title} keeps ${kept.length} packets, tcpdump ${reference.length}, or others`,
      )
    }
  }
  if (reference!.length === 0) throw new BenchError('DISAGREE', 'the filter keeps no packet of the capture')
  return reference!.length
}

/** The capture's begin up to the last record that is whole. */
function wholeRecords(bytes: Uint8Array): Uint8Array {
  let end = 24
  for (const { data } of parseCapture(bytes, { tolerateTruncation: true })) {
    end = data.byteOffset - bytes.byteOffset + data.length
  }
  return bytes.subarray(0, end)
}

/** `npm run bench -- pcap`. */
export function benchPcap(args: readonly string[], { print, progress }: Printer): void {
  const options = parsePcapOptions(args)
  if (options.help) {
    print(pcapUsage)
    return
  }
  const all = sides(options.skep ?? `${benchFolder}../cli/bin/skep.cjs`)
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'skep-bench-'))
  try {
    const capture = options.capture ?? join(folder, 'capture.pcap')
    progress('generating the capture')
    if (options.capture === undefined) generateCapture(capture, options.size)
    const { size } = statSync(capture)
    progress('comparing')
    agree(all, capture, folder)
    const cpu = options.cpu ?? availableParallelism() - 1
    const seconds = all.map((): number[] => [])
    // Once before it counts: the file is then in memory as far as there is room.
    for (const { command } of all) time(cpu, command(capture, '/dev/null'))
    for (let round = 0; round < options.rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const n = (round + turn) % all.length
        progress(`round ${round + 1}, ${all[n]!.title}`)
        seconds[n]!.push(time(cpu, all[n]!.command(capture, '/dev/null')))
      }
    }
    progress('')
    const report: PcapReport = {
      date: new Date().toISOString(),
      machine: describeMachine(),
      bytes: size,
      rounds: options.rounds,
      sides: all.map(({ name, title }, n) => ({
        name,
        title,
        seconds: spread(seconds[n]!),
        ...(n === 0 ? {} : { ratio: spread(seconds[n]!.map((s, round) => s / seconds[0]![round]!)) }),
      })),
    }
    print(options.json ? JSON.stringify(report, null, 2) : formatPcap(report))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The report as a table. */
export function formatPcap({ date, machine, bytes, rounds, sides: measured }: PcapReport): string {
  const rows = measured.map(({ title, seconds, ratio }) => [
    title,
    formatSpread(seconds),
    formatNumber(bytes / 1e9 / seconds.median),
    formatSpread(ratio),
  ])
  const head = ['', 'seconds', 'GB a second', 'ratio to tcpdump']
  return [
    `${date.slice(0, 10)}; ${formatMachine(machine)}`,
    `a capture of ${formatNumber(bytes / 1e6)} MB, what is kept to /dev/null, ${rounds} rounds in turn, one core`,
    '',
    table(head, rows, 1),
  ].join('\n')
}
