import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openKernel } from '@skep/linux'
import type { Row } from '@skep/registry'
import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier, parseKallsyms } from '@skep/verifier'
import { sameDifference } from './compare.ts'
import { generate } from './generate.ts'
import { Judge } from './judge.ts'
import { listing } from './listing.ts'
import { minimise } from './minimise.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { report } from './report.ts'
import { compareAll, type Difference, Tally } from './run.ts'
import { runProgram } from './run-program.ts'
import { seedRows } from './seeds.ts'

const KERNEL_BTF = '/sys/kernel/btf/vmlinux'
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** Programs that take longer are shown whole. */
const LONG = 20_000

const readRows = (file: string): Row[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Row)

async function run(options: Options): Promise<number> {
  const kernel = await openKernel()
  const platform = createDefaultPlatform()
  const verifier = await createVerifier(platform, {
    cpus: kernel.possibleCpus,
    kernelBtf: readFileSync(KERNEL_BTF),
    kernelSymbols: () => parseKallsyms(readFileSync('/proc/kallsyms', 'latin1')),
  })
  const judge = new Judge(kernel, verifier, platform)
  const seeds = [...seedRows(root, platform), ...(options.rows ? readRows(options.rows) : [])]
  if (options.out) writeFileSync(options.out, '')
  const shown = new Map<string, number>()
  const show = (found: Difference): void => {
    const { kind } = found
    const count = shown.get(kind) ?? 0
    if (!options.kinds.includes(kind) || count >= options.show) return
    shown.set(kind, count + 1)
    const cut = options.minimise && found.theirs.processed < LONG && found.ours.processed < LONG
    const row = cut
      ? minimise(found.row, (next) => sameDifference(found, judge.kernel(next), judge.skep(next)))
      : found.row
    const [theirs, ours] = options.minimise
      ? [judge.kernel(row), judge.skep(row)]
      : [found.theirs, found.ours]
    console.log(
      [
        `\n${kind}: program ${found.index} of seed ${options.seed}, type ${row.type}`,
        `  kernel ${theirs.verdict} ${theirs.errno ?? ''} ${theirs.processed} ${theirs.line ?? ''}`,
        `  skep   ${ours.verdict} ${ours.errno ?? ''} ${ours.processed} ${ours.line ?? ''}`,
        listing(row, platform),
      ].join('\n'),
    )
    if (options.out) appendFileSync(options.out, `${JSON.stringify({ kind, theirs, ours, row })}\n`)
    else console.log(JSON.stringify(row))
  }
  const tally = new Tally()
  const started = performance.now()
  let told = started
  const programs = generate({ ...options, platform, seeds })
  const watched = function* (): Iterable<{ index: number; row: Row }> {
    for (const program of programs) {
      const now = performance.now()
      if (now - told > 10_000) {
        told = now
        console.error(`${tally.programs} programs, ${JSON.stringify(tally.kinds)}`)
      }
      yield program
    }
  }
  compareAll(judge, watched(), tally, show)
  judge.close()
  console.log(report(tally, options, (performance.now() - started) / 1000))
  return tally.good ? 0 : 1
}

process.exitCode = await runProgram({ parseOptions, usage, run })
