// Entry of the bundle: everything that can tell a mutant from the verifier, as a list of tests.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { rowOf } from 'skep:case'
import * as generators from 'skep:generators'
import { activate, counts, instances, limited, touched } from 'skep:mutant'
import { platform } from 'skep:platform'
import * as suites from 'skep:programs'
import { createScalarDomainSync, randomProgram } from 'skep:random'
import { hashLog, RECORDED_CPUS, readRecorded } from 'skep:recorded'
import { rowOfSeed } from 'skep:seed'
import { seeds } from 'skep:seeds'
import { files } from 'skep:tests'
import { createVerifier, specFromRow } from 'skep:verifier'
import { collect, collected } from './vitest-in-process.mjs'

export { activate, counts, generators, hashLog, limited, platform, readRecorded, specFromRow, touched }

/** Programs to begin with: those of the suites, and the seeds. */
export const firstRows = () => [
  ...Object.values(suites).flatMap((suite) => suite.map(rowOf)),
  ...seeds.map(rowOfSeed),
]

const options = {
  cpus: RECORDED_CPUS,
  memoryLimit: 128 * 2 ** 20,
  // Mutants that walk on and on are told apart long before the kernel's limit.
  complexityLimit: 60_000,
}
/** Where the verifier's WebAssembly is among the instances. */
let own = instances.length
export let verifier = await createVerifier(platform, options)

/** Another verifier, in place of one that a mutant left in disorder. */
export async function renew() {
  instances.splice(own, 1)
  own = instances.length
  verifier = await createVerifier(platform, options)
}

/** The verdict as far as tests compare it: with the log, in full. */
export function judge(input, withLog) {
  const verdict = verifier.verify(withLog ? { ...input, logLevel: 2 } : input)
  const told = verdict.verdict === 'accept' ? 'accept' : `${verdict.errno}: ${verdict.line}`
  if (!withLog) return told
  const { processed } = verdict
  const log = hashLog(verdict.log())
  return `${told} ${processed} ${log} ${verifier.verify(input).processed}`
}

const hexOf = (parts) => Buffer.concat(parts).toString('hex')
const scratch = new WebAssembly.Memory({ initial: 1 })
const scalars = createScalarDomainSync(scratch)

/** A program of random arithmetic and jumps, which compares with the bounds that the registers have. */
export const scalarRow = (seed) => ({
  name: 'scalars',
  type: 'xdp',
  license: 'GPL',
  insns: hexOf(randomProgram(scalars, scratch, seed, 10 + (seed % 20)).insns),
})

/** Tests that walk a million instructions: too long for what they alone would find. */
const LONG = /names the limit on instructions|leaves nothing behind/

/** `{ id, run }`: `run` gives a text that is another, or throws, when the mutant is told apart. */
export async function loadTests({ corpus = join(HOME, 'testdata/recorded.jsonl.gz'), unit = true } = {}) {
  const tests = []
  for (const [suite, cases] of Object.entries(suites)) {
    for (const one of cases) {
      const input = specFromRow(rowOf(one), platform)
      tests.push({ id: `${suite}: ${one.name}`, program: true, run: () => judge(input, false) })
    }
  }
  for (const { row } of existsSync(corpus) ? readRecorded(corpus) : []) {
    const input = specFromRow(row, platform)
    tests.push({ id: `recorded: ${row.name}`, program: true, run: () => judge(input, true) })
  }
  if (!unit) return tests
  for (const [name, load] of files) {
    collect(name)
    try {
      await load()
    } catch (error) {
      console.error(`${name}: left out: ${error.message}`)
    }
  }
  for (const { file, name, run } of collected) {
    if (LONG.test(name)) continue
    tests.push({
      id: `${file}: ${name}`,
      program: false,
      run: async () => {
        await run()
        return 'passes'
      },
    })
  }
  return tests
}
