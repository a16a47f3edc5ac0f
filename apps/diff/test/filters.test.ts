import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { makeCaptures } from '../src/filters/captures.ts'
import type { Tally } from '../src/filters/compare.ts'
import { reasonFor } from '../src/filters/known.ts'
import { Reference } from '../src/filters/reference.ts'
import { compareAll, generated, thinned } from '../src/filters/run.ts'

const SEED = Number(process.env['SKEP_DIFF_SEED'] ?? 6)
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const reference = Reference.build()
const missing = typeof reference === 'string' ? reference : undefined

/** A place that may lie in front of the packet: our code looks at it before it loads, which libpcap's does not. */
const IN_FRONT = /\[[^\]]*-/

const shown = ({ differences }: Tally): string[] =>
  differences
    .filter(({ kind }) => kind !== 'meaning' && kind !== 'plain classic')
    .filter(({ question }) => reasonFor(question.expression) === undefined)
    .map(({ kind, question, what }) => `${kind}: ${question.expression}: ${what}`)

afterAll(() => {
  if (typeof reference !== 'string') reference.close()
})

it.skipIf(missing)(
  `filters accept the packets that libpcap accepts, with no more code${missing ? ` (skipped: ${missing})` : ''}`,
  { timeout: 60_000 },
  async () => {
    if (typeof reference === 'string') return
    const captures = makeCaptures(root, SEED)
    const own = await compareAll(reference, captures, thinned(captures, 31))
    expect(shown(own)).toEqual([])
    expect(own.compiled).toBeGreaterThan(60)
    expect(own.refused).toBeGreaterThan(3)
    const longer = own.longer.filter(({ question }) => !IN_FRONT.test(question.expression))
    expect(longer.length / own.measured).toBeLessThan(0.02)
    expect(own.notLonger / own.measured).toBeGreaterThan(0.95)
    const random = await compareAll(reference, captures, generated(captures, SEED, 30))
    expect(shown(random)).toEqual([])
    expect(random.notLonger / random.measured).toBeGreaterThan(0.9)
  },
)
