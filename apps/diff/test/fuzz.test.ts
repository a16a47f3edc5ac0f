import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loaderTargets } from '../src/fuzz/loaders.ts'
import { fuzz } from '../src/fuzz/run.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const COUNT = Number(process.env['SKEP_FUZZ_COUNT'] ?? 200)

describe('mutated inputs', () => {
  for (const [name, make] of Object.entries(loaderTargets(root))) {
    it(`are taken or refused with typed errors: ${name}`, { timeout: 120_000 }, () => {
      const options = { seed: 9, from: 0, count: COUNT, longest: Number.POSITIVE_INFINITY }
      const { failures, taken, inputs } = fuzz(make(), options, () => {})
      expect(failures).toEqual([])
      // Neither all sound nor all broken at first sight.
      expect(taken / inputs).toBeGreaterThan(0.08)
      expect(taken / inputs).toBeLessThan(0.9)
    })
  }
})
