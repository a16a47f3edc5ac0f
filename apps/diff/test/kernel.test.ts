import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openKernel } from '@skep/linux'
import { createDefaultPlatform } from '@skep/runtime'
import { createVerifier } from '@skep/verifier'
import { expect, it } from 'vitest'
import { noKernel } from '../../../packages/verifier/test/reference.ts'
import { generate } from '../src/generate.ts'
import { Judge } from '../src/judge.ts'
import { compareAll, type Difference, Tally } from '../src/run.ts'
import { seedRows } from '../src/seeds.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const COUNT = Number(process.env['SKEP_DIFF_COUNT'] ?? 600)
const SEED = Number(process.env['SKEP_DIFF_SEED'] ?? 6)

it.skipIf(noKernel)(
  noKernel ? `agrees with the running kernel (skipped: ${noKernel})` : 'agrees with the running kernel',
  { timeout: 240_000 },
  async () => {
    using kernel = await openKernel()
    const platform = createDefaultPlatform()
    const verifier = await createVerifier(platform, {
      cpus: kernel.possibleCpus,
      kernelBtf: readFileSync('/sys/kernel/btf/vmlinux'),
    })
    const judge = new Judge(kernel, verifier, platform)
    const tally = new Tally()
    const found: Difference[] = []
    const programs = generate({
      platform,
      seeds: seedRows(root, platform),
      generator: 'all',
      seed: SEED,
      from: 0,
      count: COUNT,
    })
    compareAll(judge, programs, tally, (difference) => found.push(difference))
    judge.close()
    const verdicts = found
      .filter(({ theirs, ours }) => theirs.verdict !== ours.verdict)
      .map(({ kind, index, theirs, ours }) => ({ kind, index, theirs, ours }))
    expect(verdicts.filter(({ kind }) => kind === 'unsafe')).toEqual([])
    expect(tally.good, JSON.stringify(verdicts.slice(0, 5))).toBe(true)
    // The programs are worth comparing: many are accepted, the others are refused for many reasons.
    expect(tally.accepted / tally.programs).toBeGreaterThan(0.15)
    expect(tally.templates.size).toBeGreaterThan(60)
  },
)
