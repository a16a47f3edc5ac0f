import { expect, it } from 'vitest'
import { noSeccomp } from '../../../packages/loader-cbpf/test/seccomp-filters.ts'
import { noPacketSockets, noSockets } from '../../../packages/loader-cbpf/test/socket-filters.ts'
import { compareClassic } from '../src/classic/compare.ts'
import { firstCpu } from '../src/classic/first-cpu.ts'
import { compareSeccompRefusals, compareSocketRefusals } from '../src/classic/refusals.ts'

const SEED = Number(process.env['SKEP_DIFF_SEED'] ?? 6)

it.skipIf(noPacketSockets)(
  `random classic programs mean the same on all sides${noPacketSockets ? ` (skipped: ${noPacketSockets})` : ''}`,
  { timeout: 120_000 },
  async () => {
    const tally = await compareClassic({ seed: SEED, from: 0, count: 250, cpu: firstCpu() })
    expect(
      tally.surprises.map(({ trial, what }) => `${trial.of.index} on ${trial.of.venue}: ${what}`),
    ).toEqual([])
    expect(tally.nonzero / tally.trials).toBeGreaterThan(0.3)
    expect(tally.engines.programs).toBeGreaterThan(300)
  },
)

it.skipIf(noSockets)(
  `broken filters are refused as sockets refuse them${noSockets ? ` (skipped: ${noSockets})` : ''}`,
  () => {
    const tally = compareSocketRefusals(SEED, 0, 1000)
    expect(tally.differences).toEqual([])
    expect(tally.refused).toBeGreaterThan(300)
    expect(tally.refused).toBeLessThan(700)
  },
)

it.skipIf(noSeccomp)(
  `seccomp filters are refused as the kernel refuses them${noSeccomp ? ` (skipped: ${noSeccomp})` : ''}`,
  () => {
    const tally = compareSeccompRefusals(SEED, 0, 500)
    expect(tally.differences).toEqual([])
    expect(tally.refused).toBeGreaterThan(100)
    expect(tally.refused).toBeLessThan(400)
  },
)
