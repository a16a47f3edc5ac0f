import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { openKernel, prepareCollection } from '@skep/linux'
import { parseElf } from '@skep/loader-elf'
import type { CollectionSpec, ProgramSpec, Reference } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createVerifier, type Verdict } from '../src/index.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import { kernelBtf, noKernel } from './reference.ts'

// Compiled C in which kernel functions follow each other, rightly and wrongly: what Linux 6.18 says of each program is
// recorded, and where it runs, its logs are compared too.

interface Recorded {
  readonly object: string
  readonly program: string
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  readonly line?: string
  readonly processed: number
}

const CALLBACK_LOOPS =
  'a call that runs a callback is a loop here, as in later kernels: 6.18 misses precision marks there'
/** Programs that are walked another way than Linux 6.18 does, with the reason. Verdicts differ nowhere. */
const WALKED_OTHERWISE: Readonly<Record<string, string>> = {
  num_next_in_callback: CALLBACK_LOOPS,
  num_around_callback: CALLBACK_LOOPS,
  num_in_callback: CALLBACK_LOOPS,
}
/** Refusals whose log begins with a line on something else, that the reader of logs takes for the reason. */
const NOTE_FIRST: ReadonlySet<string> = new Set(['xdp_replaced_in_callback'])

/** Their logs of level 2 are too long to compare. */
const LONG_LOG: ReadonlySet<string> = new Set(['packet_in_loop_moves'])

const FOLDER = new URL('../testdata/kfuncs/', import.meta.url)

const recorded = readFileSync(new URL('recorded.jsonl', FOLDER), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)

const objects = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.o'))
  .map((name): readonly [string, CollectionSpec] => [
    name,
    parseElf(readFileSync(new URL(name, FOLDER)), { platform, ...(kernelBtf ? { kernelBtf } : {}) }),
  ])

const noTypes = kernelBtf ? undefined : 'the kernel shows no BTF: the programs read structs of the kernel'

describe.skipIf(noTypes)(
  `programs on kernel functions${noTypes ? ` (skipped: ${noTypes})` : ''}`,
  async () => {
    const verifier = await createVerifier(platform, {
      cpus: availableParallelism(),
      ...(kernelBtf ? { kernelBtf } : {}),
    })
    const verify = (spec: CollectionSpec, program: ProgramSpec, logLevel: number): Verdict =>
      verifier.verify({ program, maps: spec.maps, ...(spec.btf ? { btf: spec.btf } : {}), logLevel })

    it.each(objects)('%s: verdicts, lines and counts as recorded', (object, spec) => {
      const expected = recorded.filter((r) => r.object === object)
      expect(spec.programs.map((p) => p.name)).toEqual(expected.map((r) => r.program))
      const told = spec.programs.map((program, i) => {
        const verdict = verify(spec, program, 0)
        const { line, processed } = expected[i]!
        return {
          object,
          program: program.name,
          verdict: verdict.verdict,
          ...(verdict.verdict === 'accept'
            ? {}
            : { errno: verdict.errno, line: NOTE_FIRST.has(program.name) ? line : verdict.line }),
          processed: program.name in WALKED_OTHERWISE ? processed : verdict.processed,
        }
      })
      expect(told).toEqual(expected)
    })

    it('async.o: a map without fields is not the one of a work queue', () => {
      // Not for the kernel, which follows a null pointer there.
      const [, spec] = objects.find(([name]) => name === 'async.o')!
      const program = spec.programs.find(({ name }) => name === 'wq_simple')!
      const at = program.references.findLastIndex(({ kind }) => kind === 'map')
      const references = program.references.with(at, {
        ...program.references[at]!,
        map: 'plain',
      } as Reference)
      const plain = { name: 'plain', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }
      const verdict = verify({ ...spec, maps: [...spec.maps, plain] }, { ...program, references }, 0)
      expect(verdict).toMatchObject({
        verdict: 'reject',
        line: expect.stringMatching(/^workqueue pointer in R1 map_uid=\d+ doesn't match map pointer in R2/),
      })
    })

    it.skipIf(noKernel).each(objects)(
      `%s: logs as the running kernel's${noKernel ? ` (skipped: ${noKernel})` : ''}`,
      async (_, spec) => {
        using kernel = await openKernel()
        const prepared = prepareCollection(kernel, spec)
        const differ: unknown[] = []
        for (const program of spec.programs) {
          if (LONG_LOG.has(program.name)) continue
          const theirs = prepared.load(program, { logLevel: 2 })
          if (theirs.ok) theirs.close()
          const ours = verify(spec, program, 2)
          expect({ program: program.name, ok: ours.verdict === 'accept' }).toEqual({
            program: program.name,
            ok: theirs.ok,
          })
          if (program.name in WALKED_OTHERWISE) continue
          const [a, b] = [comparable(ours.log()), comparable(theirs.log)]
          const at = b.findIndex((line, i) => line !== a[i])
          if (a.length !== b.length || at >= 0)
            differ.push({ program: program.name, ours: a[at], theirs: b[at] })
        }
        prepared.close()
        expect(differ).toEqual([])
      },
      60_000,
    )
  },
)

it('knows the reason of each recorded refusal', () => {
  const silent = recorded.filter((r) => r.verdict === 'reject' && (r.line === undefined || r.line === ''))
  expect(silent).toEqual([])
})
