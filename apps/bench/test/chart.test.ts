import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { benchReport } from '../src/json.ts'
import { drawChart } from './chart.ts'

const flat = (median: number) => ({ median, min: median, max: median })
const side = (ratio: number) => ({ ns: flat(20 * ratio), ratio: flat(ratio) })

describe('drawChart', () => {
  it('draws a bar for each engine', async () => {
    const sides = { kernel: { ns: flat(20) }, interpreter: side(2), jit: side(0.4), 'jit-batch': side(0.1) }
    const svg = await drawChart({ programs: [{ id: 'b', name: 'b', title: 'parse', insns: 20, sides }] })
    expect(svg).toMatch(/^<svg /)
    expect(svg.match(/aria-roledescription="bar"/g)).toHaveLength(3)
    expect(svg).toContain('b  parse')
  })

  // SKEP_CHART=bench.json SKEP_CHART_OUT=docs/images/engines.svg npx vitest run test/chart.test.ts
  const { SKEP_CHART: input, SKEP_CHART_OUT: output } = process.env
  it.runIf(input && output)('draws the file that the environment names', async () => {
    const report = benchReport.parse(JSON.parse(readFileSync(input!, 'utf8')))
    const svg = await drawChart(report)
    writeFileSync(output!, svg)
    expect(svg).toMatch(/^<svg /)
  })
})
