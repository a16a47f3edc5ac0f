import { checkClassic, formatClassic } from '@skep/isa'
import { expect, it } from 'vitest'
import { randomFilter } from '../../test/random-filter.ts'
import { Random } from '../../test/random-program.ts'
import { runClassic } from '../run-classic.ts'
import { compileClassicProgram } from './compile.ts'
import { decideFilter } from './evaluate.ts'

const ROUNDS = Number(process.env.SKEP_FILTER_ROUNDS ?? 300)

it('makes code that means the same', () => {
  const random = new Random(7)
  let accepted = 0
  let shorter = 0
  for (let round = 0; round < ROUNDS; round++) {
    const program = randomFilter(random, { reach: 8 })
    const plain = compileClassicProgram(program, { optimise: false })
    const best = compileClassicProgram(program)
    checkClassic(plain)
    checkClassic(best)
    if (best.length < plain.length) shorter++
    expect(best.length).toBeLessThanOrEqual(plain.length)
    for (let n = 0; n < 16; n++) {
      const bytes = Uint8Array.from({ length: 96 }, () => random.below(random.chance(0.5) ? 5 : 256))
      const packet = n < 8 ? bytes : bytes.subarray(0, random.below(24))
      const holds = decideFilter(program, packet)
      const expected = holds === true ? program.snaplen : 0
      if (holds) accepted++
      const found = [plain, best].map((code) => runClassic(code, packet))
      // Optimised code need not make the load that ends the filter.
      if (found[0] === expected && (found[1] === expected || holds === undefined)) continue
      const listings = [plain, best].map((code) => formatClassic(code).join('\n'))
      expect.fail(
        `round ${round}: ${found}, not ${expected}\n${listings.join('\n\n')}\n${JSON.stringify(program)}`,
      )
    }
  }
  expect(accepted).toBeGreaterThan(ROUNDS)
  expect(shorter).toBeGreaterThan(ROUNDS / 2)
})
