import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow } from '../src/index.ts'
import { platform } from './platform.ts'
import { hashLog, RECORDED_CPUS, type Recorded, readRecorded } from './recorded.ts'

// Programs that scripts/mutation/search.mjs found: each tells some mutant of the verifier apart. What Linux 6.18 says of
// them was recorded by scripts/mutation/record.mjs, so these tests need no kernel.

const verifier = await createVerifier(platform, { cpus: RECORDED_CPUS })
const recorded = readRecorded(new URL('../testdata/recorded.jsonl.gz', import.meta.url))
const GROUP = 100
const groups = Array.from({ length: Math.ceil(recorded.length / GROUP) }, (_, i) => i * GROUP)

const told = ({ row, verdict, errno, line, processed, log }: Recorded): string =>
  `${row.name}: ${verdict} ${errno ?? ''} ${line ?? ''} ${processed} ${log}`

/** With the log, which follows every instruction back, and without it, which passes over what does not matter. */
function judge({ row }: Recorded): Recorded {
  const input = specFromRow(row, platform)
  const verdict = verifier.verify({ ...input, logLevel: 2 })
  const { processed } = verdict
  expect(verifier.verify(input).processed, `${row.name}, without a log`).toBe(processed)
  const log = hashLog(verdict.log())
  if (verdict.verdict === 'accept') return { row, verdict: 'accept', processed, log }
  const { errno, line } = verdict
  return { row, verdict: 'reject', errno, line, processed, log }
}

describe('what Linux 6.18 says, log and all', () => {
  it.each(groups)('of programs %i and on', (from) => {
    const wrong = recorded.slice(from, from + GROUP).flatMap((one) => {
      const [linux, skep] = [told(one), told(judge(one))]
      return linux === skep ? [] : [{ linux, skep }]
    })
    expect(wrong).toEqual([])
  })

  it('is recorded of programs of all kinds', () => {
    expect(recorded.length).toBeGreaterThan(600)
    expect(new Set(recorded.map(({ row }) => row.type)).size).toBeGreaterThan(15)
    expect(
      new Set(recorded.map(({ verdict, line }) => `${verdict} ${line?.replaceAll(/\d+/g, '')}`)).size,
    ).toBeGreaterThan(60)
  })
})
