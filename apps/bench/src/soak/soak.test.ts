import { describe, expect, it } from 'vitest'
import { BenchError } from '../errors.ts'
import { soakReport } from '../json.ts'
import { soak } from './main.ts'
import { parseSoakOptions } from './options.ts'

describe('soak', () => {
  it('runs packets period by period, without memory of the arena', async () => {
    const report = soakReport.parse(await soak(0.2, 3, () => {}))
    expect(report.periods).toHaveLength(3)
    for (const { packets, rate } of report.periods) {
      expect(packets).toBeGreaterThan(0)
      expect(rate).toBeGreaterThan(0)
    }
    expect(report.growth.arena).toBe(0)
    expect(report.rateKept).toBe(report.periods[2]!.rate / report.periods[1]!.rate)
  })

  it('takes minutes and periods', () => {
    expect(parseSoakOptions([])).toMatchObject({ period: 60, periods: 10 })
    expect(() => parseSoakOptions(['--minutes', '1'])).toThrow(BenchError)
  })
})
