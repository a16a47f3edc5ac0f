import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRuntime } from '../src/core.ts'
import { defaultPreset, parseObject } from '../src/index.ts'
import { judgeOnce } from './judge-once.ts'

// Damaged objects through the whole path: loader, verifier and, where they are still accepted, a run on the JIT. Whatever
// the damage, a typed error or a verdict comes out.

const RUNS = Number(process.env['MUTATION_RUNS'] ?? 10_000)
const SEED = Number(process.env['MUTATION_SEED'] ?? 7)
const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const NAMES = [
  'pass_drop.o',
  'atomics.o',
  'blacklist.o',
  'legacy_maps.o',
  'tailcall_parser.o',
  'globals.o',
  'bpf2bpf.o',
]
const objects = NAMES.map((name) => new Uint8Array(readFileSync(new URL(name, testdata))))

interface Edit {
  readonly at: number
  readonly byte: number
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
})
const damage = fc.record({
  object: fc.nat(objects.length - 1),
  edits: fc.array(edit, { minLength: 1, maxLength: 6 }),
  /** Where the edits fall: anywhere, in the ELF header, in the code at the begin, or in the tables at the end. */
  where: fc.constantFrom<readonly number[]>([0, 1], [0, 0.01], [0.003, 0.03], [0.003, 0.03], [0.6, 0.4]),
  keep: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
})

it(`${RUNS} damaged objects give typed errors or verdicts (seed ${SEED})`, async () => {
  const runtime = await createRuntime({
    plugins: defaultPreset,
    verifier: judgeOnce(),
    limit: 64 * 2 ** 20,
  })
  const outcomes = { refused: 0, rejected: 0, accepted: 0 }
  const used = runtime.arena.used
  await fc.assert(
    fc.asyncProperty(damage, async ({ object, edits, where: [from, share], keep }) => {
      const whole = objects[object]!
      const bytes = whole.slice(0, Math.ceil(whole.length * keep))
      for (const { at, byte } of edits) bytes[Math.floor((from! + at * share!) * bytes.length)] = byte
      try {
        const spec = parseObject(bytes, runtime.platform)
        const verdicts = runtime.verify(spec)
        if (verdicts.some((v) => v.verdict.verdict === 'reject')) {
          outcomes.rejected++
          return
        }
        const collection = await runtime.load(spec)
        for (const program of collection.programs.values()) {
          if (program.type === 'xdp') program.testRun({ data: new Uint8Array(64) })
        }
        collection.close()
        outcomes.accepted++
      } catch (error) {
        expect(error, String((error as Error).stack)).toHaveProperty(
          'code',
          expect.stringMatching(/^[A-Z][A-Z0-9_]+$/),
        )
        outcomes.refused++
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
  // Each kind of damage must have happened often, or the test tries too little.
  for (const [kind, count] of Object.entries(outcomes)) expect(count, kind).toBeGreaterThan(RUNS / 200)
  expect(runtime.arena.peak).toBeLessThan(64 * 2 ** 20)
  runtime.close()
  expect(used).toBeGreaterThan(0)
}, 600_000)
