import { readFile } from 'node:fs/promises'
import { parsePinning } from '@skep/loader-tc'
import { createPinFolder } from '@skep/runtime/node'
import { Command } from 'commander'
import { readInput } from '../input.ts'
import { print, printJson } from '../output.ts'
import { EXIT, UsageError } from '../report.ts'
import { openDevices, readTcOptions, type TcOptions } from '../tc/options.ts'
import { readBatch, runTc, type TcOutcome } from '../tc/run-tc.ts'
import { openTc, type TcState } from '../tc/state.ts'

const EXAMPLES = `
Options (before, behind or between the words of tc):
  -batch FILE       commands of a file, one a line; - for standard input
  -force            goes on behind a command that fails
  --dev NAME        a device without packets
  --in NAME=FILE    packets that the device receives (pcap or pcapng)
  --send NAME=FILE  packets that the host sends on it, through its egress filters
  --out NAME=FILE   writes what leaves the device
  --pass NAME=FILE  writes what passes its ingress to the host
  --pcap FILE       of one filter command: its device receives (or sends) FILE; clsact is there
  -w FILE           with --pcap: writes what passes
  --pins DIR        keeps pinned maps there for the next command
  --engine NAME     jit or interpreter
  -s, -j, --json    counters; JSON

A batch may say \`replay [dev NAME] [count N]\`: packets come then, the rest of them at the end.

Examples:
  skep tc filter add dev eth0 ingress bpf da obj drop.o sec drop --pcap in.pcap -w passed.pcap
  skep tc -batch setup.tc --in eth0=in.pcap --out eth1=out.pcap`

/** `skep tc …`: tc's words on devices made of captures. */
export function tcCommand(): Command {
  return new Command('tc')
    .description("tc's commands for BPF filters, on devices made of captures")
    .argument('[words...]', 'a command of tc: qdisc, filter or exec')
    .allowUnknownOption()
    .addHelpText('after', EXAMPLES)
    .action(async (_words: string[], _options: object, command: Command) => {
      const options = readTcOptions(command.args)
      if (options.batch === undefined && options.words.length === 0)
        throw new UsageError('give a command of tc, or -batch FILE')
      const state = await openTc({
        read: readFile,
        ...(options.engine === undefined ? {} : { engine: options.engine }),
        ...(options.pins === undefined ? {} : { pins: createPinFolder(options.pins) }),
        ...(await pinningScopes()),
      })
      state.runtime.on('exception', (error) =>
        process.stderr.write(`${(error as Error).message ?? String(error)}\n`),
      )
      try {
        process.exitCode = await (options.batch === undefined
          ? runOne(state, options)
          : runBatch(state, options, options.batch))
      } finally {
        await state.close()
      }
    })
}

/** The host's own scopes, where it has iproute2's table. */
async function pinningScopes(): Promise<{ readonly pinning?: Record<number, string> }> {
  const text = await readFile('/etc/iproute2/bpf_pinning', 'utf8').catch(() => undefined)
  return text === undefined ? {} : { pinning: parsePinning(text) }
}

function say({ out, err }: TcOutcome): void {
  for (const line of out) print(line)
  if (err.length > 0) process.stderr.write(`${err.join('\n')}\n`)
}

/** tc's own statuses are 1, 2 and 255; refused is refused. */
const statusOf = ({ status }: TcOutcome): number => (status === 0 ? EXIT.fine : EXIT.refused)

const flagged = ({ stats, json }: TcOptions, words: readonly string[]): string[] => [
  ...(stats ? ['-s'] : []),
  ...(json ? ['-j'] : []),
  ...words,
]

async function runOne(state: TcState, options: TcOptions): Promise<number> {
  const { words, pcap, write } = options
  if (pcap !== undefined) {
    const name = words[words.indexOf('dev') + 1]
    if (name === undefined || !words.includes('dev'))
      throw new UsageError('--pcap is for a filter command with dev NAME')
    const side = words.includes('egress') ? 'send' : 'in'
    const to = side === 'in' ? 'pass' : 'out'
    options.devices.set(name, { [side]: pcap, ...(write === undefined ? {} : { [to]: write }) })
  }
  await openDevices(state, options)
  if (pcap !== undefined) for (const device of state.devices.values()) device.qdisc = 'clsact'
  const outcome = await runTc(state, flagged(options, words))
  say(outcome)
  if (outcome.status !== 0) return statusOf(outcome)
  await finish(state, options)
  return EXIT.fine
}

async function runBatch(state: TcState, options: TcOptions, file: string): Promise<number> {
  await openDevices(state, options)
  const text = Buffer.from(await (file === '-' ? readInput('/dev/stdin') : readInput(file))).toString('utf8')
  let status: number = EXIT.fine
  for (const { line, words } of readBatch(text)) {
    const outcome = await runTc(state, flagged(options, words))
    say(outcome)
    if (outcome.status === 0) continue
    process.stderr.write(`Command failed ${file}:${line}\n`)
    status = statusOf(outcome)
    if (!options.force) return status
  }
  await finish(state, options)
  return status
}

/** The rest of the packets, and what became of them. */
async function finish(state: TcState, { json }: TcOptions): Promise<void> {
  await state.replay()
  const sides = [...state.devices].flatMap(([dev, { filters }]) =>
    (['ingress', 'egress'] as const).flatMap((side) => {
      const totals = filters[side][0]?.link.totals
      return totals && totals.packets > 0 ? [{ dev, side, ...totals }] : []
    }),
  )
  if (json) {
    if (sides.length > 0 || state.trace.length > 0) printJson({ sides, trace: state.trace })
    return
  }
  for (const text of state.trace.splice(0)) print(text)
  for (const { dev, side, packets, bytes, ...rest } of sides) {
    const counts = Object.entries(rest).flatMap(([what, count]) =>
      count > 0 ? [`${count} ${NAMES[what]}`] : [],
    )
    print(`${dev} ${side}: ${packets} packets, ${bytes} bytes: ${counts.join(', ')}`)
  }
}

const NAMES: Readonly<Record<string, string>> = {
  passed: 'passed',
  dropped: 'dropped',
  stolen: 'stolen',
  redirected: 'redirected',
  redirectFailed: 'not redirected',
  cloned: 'copied',
}
