import { describe, expect, it } from 'vitest'
import type { ProgramResult } from './bench.ts'
import { MEAN_OF } from './programs.ts'
import { formatNumber, formatRatios, formatRings, formatTimes, meansOf } from './report.ts'

const flat = (value: number) => ({ median: value, min: value / 2, max: value * 2 })
const result = (id: string, ratio: number): ProgramResult => ({
  id,
  name: id,
  title: `program ${id}`,
  insns: 20,
  sides: {
    kernel: { ns: flat(20) },
    interpreter: { ns: flat(4_332_222), ratio: flat(40) },
    jit: { ns: flat(28.53), ratio: flat(ratio) },
    'jit-batch': { ns: flat(0.4567), ratio: flat(ratio / 10) },
  },
})

describe('formatNumber', () => {
  it('shows three digits', () => {
    expect([0.02345, 1.469, 28.53, 107.88, 4332222.2].map(formatNumber)).toEqual([
      '0.023',
      '1.47',
      '28.5',
      '108',
      '4,332,222',
    ])
  })
})

describe('tables', () => {
  it('are Markdown', () => {
    const lines = formatTimes([result('b', 1)]).split('\n')
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
    const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim())
    expect(cells(lines[0]!).slice(1, 5)).toEqual(['', 'program', 'insns', 'kernel'])
    expect(lines[1]).toMatch(/^\|-+\|-+\|-+:\|-+:\|-+:\|-+:\|-+:\|$/)
    expect(cells(lines[2]!)).toEqual(['', 'b', 'program b', '20', '20.0', '4,332,222', '28.5', '0.457', ''])
  })

  it('leave a side out that was not measured', () => {
    const { kernel: _, ...sides } = result('b', 1).sides
    expect(formatTimes([{ ...result('b', 1), sides }])).toMatch(/20 \| +– \|/)
  })

  it('show the means only over all programs that they are of', () => {
    const all = MEAN_OF.map((id, n) => result(id, n % 2 ? 0.5 : 2))
    expect(meansOf(all)!.jit).toBeCloseTo(1)
    expect(meansOf(all)!['jit-batch']).toBeCloseTo(0.1)
    expect(formatRatios(all)).toMatch(/geometric mean of b, c, d, e, h, i .* 1\.00 \| +0\.100 \|/)
    expect(meansOf(all.slice(1))).toBeUndefined()
    expect(formatRatios(all.slice(1))).not.toMatch(/mean/)
    expect(formatRatios(all.slice(0, 1))).toMatch(/2\.00 \(1\.00–4\.00\)/)
  })

  it('tell packets a second of rings', () => {
    const text = formatRings([
      { program: 'b', ring: 'mixed-cold', measured: { ns: flat(8), ratio: flat(0.4) } },
    ])
    expect(text).toMatch(/\| b \| mixed +\| 64 MiB, cold +\| 8\.00 \| +125 \| +0\.400 \(0\.200–0\.800\) \|/)
  })
})
