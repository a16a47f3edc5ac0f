import { availableParallelism } from 'node:os'
import { openKernel, verifyRow } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verdict } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import * as suites from './programs/index.ts'
import { noKernel } from './reference.ts'

// Small programs with the verdict, the decisive line and the whole log that Linux 6.18 gives them.

const verifier = await createVerifier(platform, { cpus: availableParallelism() })

const judge = (test: Case, logLevel: 0 | 1 | 2): Verdict =>
  verifier.verify({ ...specFromRow(rowOf(test), platform), logLevel })

const told = (verdict: Verdict): string =>
  verdict.verdict === 'accept' ? 'accept' : `${verdict.errno}: ${verdict.line}`

describe.each(Object.entries(suites))('%s', (_, cases) => {
  it.each(cases.map((test) => [test.name, test] as const))('%s', (_, test) => {
    const expected = test.reject === undefined ? 'accept' : `${test.errno ?? 'EACCES'}: ${test.reject}`
    expect(told(judge(test, 0))).toBe(expected)
  })
})

describe.skipIf(noKernel)(
  noKernel ? `the running kernel (skipped: ${noKernel})` : 'the running kernel',
  () => {
    it.each(Object.entries(suites))('agrees on %s, log and all', async (_, cases) => {
      using kernel = await openKernel()
      for (const test of cases) {
        const theirs = verifyRow(kernel, rowOf(test), { log: true, logLevel: 2 })
        const ours = judge(test, 2)
        expect({ name: test.name, log: comparable(ours.log()) }).toEqual({
          name: test.name,
          log: comparable(theirs.log ?? ''),
        })
        expect(`${test.name}: ${ours.verdict} ${ours.processed}`).toBe(
          `${test.name}: ${theirs.verdict} ${theirs.processed}`,
        )
        if (ours.verdict === 'accept') continue
        const { line } = verifyRow(kernel, rowOf(test), { logLevel: 1 })
        expect(`${test.name}: ${told(ours)}`).toBe(`${test.name}: ${theirs.errno}: ${line}`)
      }
    })
  },
)
