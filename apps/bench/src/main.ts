import { resolve } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { createDefaultPlatform } from '@skep/runtime'
import {
  type Agreement,
  benchProgram,
  benchRings,
  check,
  checkRings,
  findKernel,
  type ProgramResult,
  type Reference,
  type RingResult,
} from './bench.ts'
import { BenchError } from './errors.ts'
import type { BenchReport } from './json.ts'
import { benchKprobe } from './kprobe/main.ts'
import { describeMachine, formatMachine } from './machine.ts'
import { benchMaps } from './maps/main.ts'
import { type BenchOptions, parseOptions, RING, usage } from './options.ts'
import { benchPcap } from './pcap/main.ts'
import { type BenchProgram, programOf, programs } from './programs.ts'
import { serve } from './remote-subject.ts'
import { formatAgreements, formatCold, formatRatios, formatRings, formatTimes, meansOf } from './report.ts'
import { benchSoak } from './soak/main.ts'
import { programNames } from './spec.ts'
import { benchStartup } from './startup.ts'
import { COLD, runCold } from './verify/cold.ts'
import { benchVerify } from './verify/main.ts'
import { serveWorker } from './workers.ts'
import { benchWorkersMain } from './workers-main.ts'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2))

/** A line on a terminal that says what goes on; nothing where there is none. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

/** What the options ask for. */
function choose(options: BenchOptions): { chosen: readonly BenchProgram[]; rings: boolean } {
  const { object, only } = options
  if (object === undefined) {
    return { chosen: programs.filter(({ id }) => only.includes(id)), rings: only.includes(RING) }
  }
  const { packet, fill } = programOf(options.as)
  const file = resolve(object)
  const names = options.program ? [options.program] : programNames(file, createDefaultPlatform())
  const chosen = names.map(
    (name): BenchProgram => ({
      id: options.as,
      title: name,
      name,
      source: { kind: 'object', file },
      packet,
      ...(fill ? { fill } : {}),
    }),
  )
  return { chosen, rings: false }
}

async function quick(options: BenchOptions, reference: Reference): Promise<void> {
  const { chosen, rings } = choose(options)
  const agreements: Agreement[] = []
  for (const program of chosen) {
    progress(`${program.id} ${program.title}`)
    agreements.push(await check(program, reference))
  }
  progress(rings ? 'rings' : '')
  const checked = rings ? await checkRings(reference) : []
  progress('')
  if (options.json) {
    printJson({ ...reasonOf(reference), programs: agreements, rings: checked })
    return
  }
  if (agreements.length > 0) print(formatAgreements(agreements))
  if (checked.length > 0) print(`rings of packets: ${checked.join(', ')}: the same verdict for each kind`)
  if (reference.kernel === undefined) print(`not compared with the kernel: ${reference.reason}`)
}

async function full(options: BenchOptions, reference: Reference): Promise<void> {
  const { chosen, rings } = choose(options)
  const { rounds, window, warmUp, cold } = options
  const measuring = { rounds, window: window * 1e6, warmUp: warmUp * 1e6, cold }
  const machine = describeMachine()
  const date = new Date().toISOString()
  const file = process.argv[1]!
  const results: ProgramResult[] = []
  for (const program of chosen) {
    progress(`${program.id} ${program.title}`)
    results.push(await benchProgram(program, reference, file, measuring))
  }
  progress(rings ? 'rings of packets' : '')
  const ringResults: readonly RingResult[] = rings ? await benchRings(reference, file, measuring) : []
  progress('')
  if (options.json) {
    const means = meansOf(results)
    const report: BenchReport = {
      date,
      machine,
      ...reasonOf(reference),
      options: { rounds, window, warmUp },
      programs: results,
      ...(means ? { means } : {}),
      rings: [...ringResults],
    }
    printJson(report)
    return
  }
  print(`${date.slice(0, 10)}; ${formatMachine(machine)}`)
  print(`${rounds} rounds, windows of ${window} ms, the sides in turn, warm`)
  if (reference.kernel === undefined) print(`no ratios: ${reference.reason}`)
  if (results.length > 0) {
    print(`\nNanoseconds a run, median\n\n${formatTimes(results)}`)
    if (reference.kernel) {
      print(`\nRatio to the kernel's test run: median (least–most) of the rounds\n\n${formatRatios(results)}`)
    }
  }
  if (results.some((result) => result.cold)) {
    print(
      `\nFirst 256 runs in a new thread: nanoseconds a run, median (least–most)\n\n${formatCold(results)}`,
    )
  }
  if (ringResults.length > 0) {
    print(`\nPrograms by the JIT in batches of 16,384 packets, median\n\n${formatRings(ringResults)}`)
  }
}

const reasonOf = (reference: Reference): { withoutKernel?: string } =>
  reference.kernel ? {} : { withoutKernel: reference.reason }

async function main(): Promise<void> {
  const [command, ...args] = process.argv.slice(2)
  if (command === 'verify') return benchVerify(args, process.argv[1]!, { print, progress })
  if (command === COLD) return runCold(args)
  if (command === 'startup') return benchStartup(args, print)
  if (command === 'maps') return benchMaps(args, { print, progress })
  if (command === 'kprobe') return benchKprobe(args, { print, progress })
  if (command === 'pcap') return benchPcap(args, { print, progress })
  if (command === 'workers') return benchWorkersMain(args, process.argv[1]!, print)
  if (command === 'soak') return benchSoak(args, { print, progress })
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    print(usage)
    return
  }
  const reference = await findKernel()
  try {
    await (options.quick ? quick(options, reference) : full(options, reference))
  } finally {
    reference.kernel?.close()
  }
}

if (isMainThread) {
  try {
    await main()
  } catch (error) {
    progress('')
    const wrongUsage = error instanceof BenchError && error.code === 'BAD_OPTION'
    process.stderr.write(`bench: ${(error as Error).message}${wrongUsage ? ' (add --help for usage)' : ''}\n`)
    process.exitCode = wrongUsage ? 2 : 1
  }
} else if (!serveWorker()) {
  await serve()
}
