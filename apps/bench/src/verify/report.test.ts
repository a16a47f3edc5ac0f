import { describe, expect, it } from 'vitest'
import type { Compared, ObjectResult, ProgramResult } from './compare.ts'
import { formatLeft, formatObjects, formatPrograms, ratioMean } from './report.ts'

const exactly = (value: number) => ({ median: value, min: value, max: value })

/** Milliseconds of both sides. */
const sides = (skep: number, kernel: number): Compared => ({
  skep: exactly(skep * 1e6),
  kernel: exactly(kernel * 1e6),
  ratio: exactly(skep / kernel),
})

const program = (name: string, warm: Compared, more: Partial<ProgramResult> = {}): ProgramResult => ({
  object: 'x.o',
  program: name,
  insns: 100,
  walked: 12345,
  kernelWalked: 12345,
  totalStates: 7,
  stateBytes: 2 ** 21,
  warm,
  ...more,
})

const rows = (table: string): string[][] =>
  table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

describe('ratioMean', () => {
  it('is of the ratios that there are', () => {
    expect(ratioMean([sides(2, 1), sides(8, 1)])).toBeCloseTo(4)
    expect(ratioMean([{ skep: exactly(1) }, undefined])).toBeUndefined()
    expect(ratioMean([])).toBeUndefined()
  })
})

describe('formatPrograms', () => {
  it('has a row for each program, and the mean', () => {
    const table = rows(formatPrograms([program('a', sides(20, 10)), program('b', sides(80, 10))]))
    expect(table[0]).toEqual([
      'object',
      'program',
      'slots',
      'walked',
      'states',
      'MiB',
      'kernel',
      'Skep',
      'ratio',
    ])
    expect(table[2]).toEqual(['x.o', 'a', '100', '12,345', '7', '2.00', '10.0', '20.0', '2.00 (2.00–2.00)'])
    expect(table[4]).toEqual(['', 'geometric mean of 2', '', '', '', '', '', '', '4.00'])
  })

  it('tells where the kernel walked another way', () => {
    expect(formatPrograms([program('a', sides(1, 1), { kernelWalked: 11000 })])).toContain('12,345 (11,000)')
  })

  it('does without a kernel', () => {
    const table = rows(formatPrograms([program('a', { skep: exactly(2e6) })]))
    expect(table).toHaveLength(3)
    expect(table[2]!.slice(-3)).toEqual(['–', '2.00', '–'])
  })
})

describe('formatObjects', () => {
  const object: ObjectResult = { object: 'x.o', programs: 2, walked: 1500 }

  it('has memory in MiB and times in milliseconds', () => {
    const parts = {
      create: exactly(3e6),
      parse: exactly(4e6),
      again: exactly(5e6),
      rss: { min: 0, median: 1, max: 100 * 2 ** 20 },
    }
    const table = rows(formatObjects([{ ...object, cold: sides(90, 10), parts, whole: exactly(6e6) }]))
    expect(table[2]).toEqual([
      'x.o',
      '2',
      '1,500',
      '10.0',
      '90.0',
      '9.00 (9.00–9.00)',
      '5.00',
      '100',
      '3.00',
      '4.00',
      '6.00',
    ])
    expect(table[3]).toEqual(['geometric mean of 1', '', '', '', '', '9.00', '', '', '', '', ''])
  })

  it('leaves out what was not measured', () => {
    const table = rows(formatObjects([object]))
    expect(table).toHaveLength(3)
    expect(table[2]).toEqual(['x.o', '2', '1,500', ...Array(8).fill('–')])
  })
})

describe('formatLeft', () => {
  it('says a reason that several share once', () => {
    const left = [
      { object: 'x.o', reason: 'no ELF file' },
      { object: 'y.o', program: 'a', reason: 'EINVAL' },
      { object: 'y.o', program: 'b', reason: 'EINVAL' },
    ]
    expect(formatLeft(left)).toBe('2 of them: EINVAL\nx.o: no ELF file')
  })
})
