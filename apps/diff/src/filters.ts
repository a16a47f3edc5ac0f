import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeCaptures } from './filters/captures.ts'
import type { Difference, Tally } from './filters/compare.ts'
import { type Options, parseOptions, usage } from './filters/options.ts'
import { ownQuestions } from './filters/own.ts'
import { Reference } from './filters/reference.ts'
import { differenceText, report, withFigures } from './filters/report.ts'
import { compareAll, generated } from './filters/run.ts'
import { runProgram } from './run-program.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/** The part of code that has to be no longer than libpcap's. */
const NO_LONGER = 0.9

async function run(options: Options): Promise<number> {
  const reference = Reference.build()
  if (typeof reference === 'string') {
    console.error(reference)
    return 1
  }
  try {
    const captures = makeCaptures(root, options.seed)
    const text = options.own === undefined ? undefined : readFileSync(options.own, 'utf8')
    const own = await compareAll(reference, captures, ownQuestions(captures, text))
    const random = await compareAll(reference, captures, generated(captures, options.seed, options.count))
    const both = [own, random]
    // What differs without an optimiser alone comes last.
    const late = ({ kind }: Difference): number => Number(kind === 'meaning' || kind === 'plain classic')
    const differences = both.flatMap((tally) => tally.differences).sort((a, b) => late(a) - late(b))
    for (const difference of differences.slice(0, options.show))
      console.log(differenceText(captures, difference))
    const longer = both.flatMap((tally) => tally.longer).slice(0, options.longer)
    for (const { question, ours, theirs } of longer) {
      const { linkType } = captures[question.capture]!
      console.log(`${ours} instructions, libpcap ${theirs}, link type ${linkType}: ${question.expression}`)
    }
    console.log(`${report('\nour own', own)}\n${report('generated', random)}`)
    if (options.page) {
      const page = readFileSync(options.page, 'utf8')
      writeFileSync(options.page, withFigures(page, reference.version(), own, random, options.seed))
    }
    return both.every(isGood) ? 0 : 1
  } finally {
    reference.close()
  }
}

const isGood = (tally: Tally): boolean =>
  tally.otherwiseRefused === 0 && !tally.otherPackets.has('') && tally.notLonger >= NO_LONGER * tally.measured

process.exitCode = await runProgram({ parseOptions, usage, run })
