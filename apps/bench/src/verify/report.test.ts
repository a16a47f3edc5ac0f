import { describe, expect, it } from 'vitest'
import type { Compared, VerifyResult } from './compare.ts'
import { formatLeft, formatLoads, formatVerifications, verifyMeans } from './report.ts'

const exactly = (value: number) => ({ median: value, min: value, max: value })

/** Milliseconds of both sides. */
const sides = (skep: number, kernel: number): Compared => ({
  skep: exactly(skep * 1e6),
  kernel: exactly(kernel * 1e6),
  ratio: exactly(skep / kernel),
})

const result = (program: string, warm: Compared, more: Partial<VerifyResult> = {}): VerifyResult => ({
  object: 'x.o',
  program,
  insns: 100,
  walked: 12345,
  kernelWalked: 12345,
  stateBytes: 2 ** 21,
  totalStates: 7,
  warm,
  ...more,
})

const rows = (table: string): string[][] =>
  table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))

describe('verifyMeans', () => {
  it('is of the ratios that there are', () => {
    expect(verifyMeans([result('a', sides(2, 1)), result('b', sides(8, 1))])).toEqual({
      programs: 2,
      warm: 4,
    })
    expect(verifyMeans([result('a', { skep: exactly(1) })])).toEqual({ programs: 1 })
    expect(verifyMeans([])).toEqual({ programs: 0 })
  })
})

describe('formatVerifications', () => {
  it('has a row for each program, and the means', () => {
    const cold = { cold: sides(90, 10) }
    const table = rows(
      formatVerifications([result('a', sides(20, 10), cold), result('b', sides(80, 10), cold)]),
    )
    expect(table[0]).toEqual([
      '',
      'object',
      'program',
      'walked',
      'kernel',
      'warm',
      'ratio',
      'first',
      'ratio',
      '',
    ])
    expect(table[2]).toEqual([
      '',
      'x.o',
      'a',
      '12,345',
      '10.0',
      '20.0',
      '2.00 (2.00–2.00)',
      '90.0',
      '9.00',
      '',
    ])
    expect(table[4]).toEqual(['', '', 'geometric mean of 2', '', '', '', '4.00', '', '9.00', ''])
  })

  it('tells where the kernel walked another way', () => {
    expect(formatVerifications([result('a', sides(1, 1), { kernelWalked: 11000 })])).toContain(
      '12,345 (11,000)',
    )
  })

  it('does without a kernel', () => {
    const table = rows(formatVerifications([result('a', { skep: exactly(2e6) })]))
    expect(table).toHaveLength(3)
    expect(table[2]).toEqual(['', 'x.o', 'a', '12,345', '–', '2.00', '–', '–', '–', ''])
  })
})

describe('formatLoads', () => {
  it('has memory in MiB and times in milliseconds', () => {
    const parts = {
      create: exactly(3e6),
      parse: exactly(4e6),
      again: exactly(5e6),
      rss: { min: 0, median: 1, max: 100 * 2 ** 20 },
    }
    const table = rows(formatLoads([result('a', sides(1, 1), { coldParts: parts, whole: exactly(6e6) })]))
    expect(table[2]).toEqual(['', 'x.o', 'a', '100', '7', '2.00', '100', '3.00', '4.00', '5.00', '6.00', ''])
  })
})

describe('formatLeft', () => {
  it('says a reason that several share once', () => {
    const left = [
      { object: 'x.o', reason: 'no ELF file' },
      { object: 'y.o', program: 'a', reason: 'EINVAL' },
      { object: 'y.o', program: 'b', reason: 'EINVAL' },
    ]
    expect(formatLeft(left)).toBe('2 programs: EINVAL\nx.o: no ELF file')
  })
})
