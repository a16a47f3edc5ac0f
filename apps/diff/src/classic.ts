import { parseArgs } from 'node:util'
import { disassembleBpfAsm } from '@skep/isa'
import { noSeccomp } from '../../../packages/loader-cbpf/test/seccomp-filters.ts'
import { noPacketSockets } from '../../../packages/loader-cbpf/test/socket-filters.ts'
import { type ClassicTally, compareClassic } from './classic/compare.ts'
import { firstCpu } from './classic/first-cpu.ts'
import { compareSeccompRefusals, compareSocketRefusals, type RefusalTally } from './classic/refusals.ts'

const usage = `usage: npm run diff:classic -- [options]

Compares classic BPF here and in the running kernel (Linux, root, perl, unshare). Random valid programs run over random
packets in the classic interpreter, translated on both engines, and in the kernel (SO_ATTACH_FILTER on AF_UNIX sockets and
on packet sockets of a network namespace). Random broken ones must be refused by both sides alike, by sockets and by seccomp.

  --count N   valid programs, and as many broken ones of either kind (default 20000)
  --seed N    of the whole run (default 1)
  --from N    begin with program number N of the run
  --show N    at most so many differences of a kind (default 10)
  --help      this text

Exit status: 0 where nothing differs; else 1.`

const text = { type: 'string' } as const

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`

function reportPrograms(tally: ClassicTally, show: number): void {
  for (const { trial, what } of tally.surprises.slice(0, show)) {
    const { of, packet } = trial
    console.log(`\nprogram ${of.index} on ${of.venue}: ${what}`)
    console.log(
      `packet ${Buffer.from(packet).toString('hex')}, mark ${of.mark}\n${disassembleBpfAsm(of.insns)}`,
    )
  }
  const { engines } = tally
  console.log(
    [
      '',
      `programs        ${tally.programs}, ${(tally.insns / tally.programs).toFixed(0)} instructions each, the longest ${tally.longest}`,
      `kernel runs     ${tally.trials}, ${percent(tally.nonzero, tally.trials)} give something else than 0`,
      `engine runs     ${engines.runs} of ${engines.programs} translated programs; ${engines.untranslatable} load what eBPF has nothing for`,
      `differences     ${tally.surprises.length}`,
    ].join('\n'),
  )
}

function reportRefusals(name: string, tally: RefusalTally, show: number): void {
  for (const { insns, what } of tally.differences.slice(0, show)) {
    console.log(`\n${name}: ${what}`)
    console.log(insns.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join('\n'))
  }
  const codes = [...tally.codes].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`)
  console.log(
    [
      `${name.padEnd(15)} ${tally.programs} programs, ${tally.refused} refused (${codes.join(', ')})`,
      `differences     ${tally.differences.length}`,
    ].join('\n'),
  )
}

async function main(): Promise<number> {
  const values = options(process.argv.slice(2))
  if (typeof values === 'string') {
    console.error(values)
    return 2
  }
  if (values.help) {
    console.log(usage)
    return 0
  }
  const missing = noPacketSockets ?? noSeccomp
  if (missing !== undefined) {
    console.error(missing)
    return 1
  }
  const { seed, from, count, show } = values
  const started = performance.now()
  let told = started
  const tally = await compareClassic({ seed, from, count, cpu: firstCpu() }, (now) => {
    if (performance.now() - told < 10_000) return
    told = performance.now()
    console.error(`${now.programs} programs, ${now.surprises.length} differences`)
  })
  reportPrograms(tally, show)
  const sockets = compareSocketRefusals(seed, from, count)
  reportRefusals('sockets', sockets, show)
  const seccomp = compareSeccompRefusals(seed, from, count)
  reportRefusals('seccomp', seccomp, show)
  console.log(`seed ${seed}, ${((performance.now() - started) / 1000).toFixed(0)} s`)
  return tally.surprises.length + sockets.differences.length + seccomp.differences.length === 0 ? 0 : 1
}

interface Options {
  readonly count: number
  readonly seed: number
  readonly from: number
  readonly show: number
  readonly help: boolean
}

/** The options, or what is wrong with them. */
function options(args: string[]): Options | string {
  const numbers = { count: 20_000, seed: 1, from: 0, show: 10 }
  try {
    const { values } = parseArgs({
      args,
      options: { count: text, seed: text, from: text, show: text, help: { type: 'boolean' } },
    })
    for (const name of ['count', 'seed', 'from', 'show'] as const) {
      const value = values[name]
      if (value === undefined) continue
      numbers[name] = Number(value)
      if (!/^\d{1,9}$/.test(value)) return `--${name} is ${value}; give a whole number`
    }
    return { ...numbers, help: values.help ?? false }
  } catch (error) {
    return (error as Error).message
  }
}

process.exitCode = await main()
