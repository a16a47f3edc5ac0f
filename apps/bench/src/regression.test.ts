import { readFileSync } from 'node:fs'
import { createDefaultPlatform } from '@skep/runtime'
import { afterAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { findKernel } from './bench.ts'
import { benchFolder } from './folders.ts'
import { KernelSubject } from './kernel-subject.ts'
import { measure } from './measure.ts'
import { programOf } from './programs.ts'
import { SkepSubject } from './skep-subject.ts'
import { readSpec } from './spec.ts'

/** Generous, for machines differ and are busy: a step that engines lose shows as more. */
const BOUND = 3
/** More turns for what is not fast enough yet, before it counts as slow. */
const ATTEMPTS = 15
const MS = 1e6

const recorded = z
  .object({ ratios: z.record(z.string(), z.record(z.string(), z.number())) })
  .parse(JSON.parse(readFileSync(`${benchFolder}recorded.json`, 'utf8'))).ratios

const { kernel, ...reference } = await findKernel()
const reason = kernel ? '' : ` (skipped: ${'reason' in reference ? reference.reason : ''})`
afterAll(() => kernel?.close())

describe.skipIf(!kernel)(`ratios to the kernel are at most ${BOUND} times those recorded${reason}`, () => {
  it.each(Object.entries(recorded))('%s', { timeout: 60_000 }, async (id, ratios) => {
    const program = programOf(id)
    using there = new Closing(new KernelSubject(kernel!, readSpec(program, createDefaultPlatform()), program))
    const [interpreter, jit] = [
      await SkepSubject.create(program, 'interpreter'),
      await SkepSubject.create(program, 'jit'),
    ]
    const best: Record<string, number> = {}
    const slow = (): string[] => Object.keys(ratios).filter((side) => !(best[side]! < ratios[side]! * BOUND))
    // The least of all rounds: what else the machine does, V8's own compilation among it, can only add to it.
    for (let attempt = 0; attempt < ATTEMPTS && (attempt === 0 || slow().length > 0); attempt++) {
      const measured = await measure(
        [
          { name: 'kernel', time: (runs) => there.subject.time('call', runs), compiled: true },
          { name: 'interpreter', time: (runs) => interpreter.time('call', runs) },
          { name: 'jit', time: (runs) => jit.time('call', runs) },
          { name: 'jit-batch', time: (runs) => jit.time('batch', runs) },
        ],
        { rounds: 7, window: 0.3 * MS, warmUp: 60 * MS, base: 'kernel' },
      )
      for (const side of Object.keys(ratios)) {
        best[side] = Math.min(best[side] ?? Number.POSITIVE_INFINITY, measured.get(side)!.ratio!.min)
      }
    }
    await interpreter.close()
    await jit.close()
    expect(slow(), JSON.stringify({ best, recorded: ratios })).toEqual([])
  })
})

class Closing {
  readonly subject: KernelSubject

  constructor(subject: KernelSubject) {
    this.subject = subject
  }

  [Symbol.dispose](): void {
    void this.subject.close()
  }
}
