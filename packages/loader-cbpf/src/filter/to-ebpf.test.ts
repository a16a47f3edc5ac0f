import { decode, formatKernel } from '@skep/isa'
import { isKernelAvailable, openKernel } from '@skep/linux'
import type { ProgramSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createEngines } from '../../test/engines.ts'
import { randomFilter } from '../../test/random-filter.ts'
import { Random } from '../../test/random-program.ts'
import { compileFilterProgram } from './compile.ts'
import { decideFilter } from './evaluate.ts'
import type { FilterProgram } from './ir.ts'

const available = await isKernelAvailable()
const missing = available.ok ? undefined : available.reason

const TARGETS = [
  { target: 'socket_filter' },
  { target: 'sched_cls', style: 'direct' },
  { target: 'xdp' },
] as const

const verdict = (type: string, program: FilterProgram, holds: boolean | undefined): number =>
  type === 'xdp' ? (holds ? 2 : 1) : holds ? program.snaplen : 0

const listing = (spec: ProgramSpec): string =>
  decode(spec.insns)
    .map((insn, slot) => `${slot}: ${formatKernel(insn)}`)
    .join('\n')

const randomBytes = (random: Random, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.below(random.chance(0.5) ? 5 : 256))

describe('eBPF', () => {
  it('means the same on both engines, loops included', async () => {
    const engines = await createEngines({ random: 0, cpu: 0 })
    const random = new Random(11)
    let accepted = 0
    for (let round = 0; round < 40; round++) {
      const program = randomFilter(random, { reach: 8, loops: true })
      for (const optimise of [false, true]) {
        for (const options of TARGETS) {
          const spec = compileFilterProgram(program, { ...options, optimise }).programs[0]!
          const bench = await engines.load(spec)
          for (let n = 0; n < 6; n++) {
            const packet = randomBytes(random, n < 3 ? 80 : random.below(24))
            const holds = decideFilter(program, packet)
            if (holds) accepted++
            const expected = verdict(options.target, program, holds)
            const found = Object.values(bench.run(packet))
            if (found.every((one) => one === expected)) continue
            if (optimise && holds === undefined && new Set(found).size === 1) continue
            expect.fail(`${found}, not ${expected}\n${listing(spec)}\n${packet}\n${JSON.stringify(program)}`)
          }
          bench.release()
        }
      }
    }
    expect(accepted).toBeGreaterThan(150)
  })
})

describe.skipIf(missing)(`the kernel${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('accepts it and runs it alike', async () => {
    using kernel = await openKernel()
    const random = new Random(12)
    let accepted = 0
    for (let round = 0; round < 60; round++) {
      const program = randomFilter(random, { reach: 8, loops: true })
      for (const options of TARGETS) {
        const { insns, type, license } = compileFilterProgram(program, options).programs[0]!
        const loaded = kernel.loadProgram({ type, insns, license, lazyLog: true })
        if (!loaded.ok) {
          const spec = { insns } as ProgramSpec
          expect.fail(`${loaded.errno}\n${loaded.log}\n${listing(spec)}\n${JSON.stringify(program)}`)
        }
        const packet = randomBytes(random, 100)
        // No EtherType that BPF_PROG_TEST_RUN wants a longer packet for.
        packet.fill(0, 12, 14)
        const seen = type === 'socket_filter' ? packet.subarray(14) : packet
        const holds = decideFilter(program, seen)
        const { retval } = loaded.testRun({ dataIn: packet })
        loaded.close()
        if (holds) accepted++
        if (holds !== undefined)
          expect(retval, listing({ insns } as ProgramSpec)).toBe(verdict(options.target, program, holds))
      }
    }
    expect(accepted).toBeGreaterThan(25)
  })
})
