import { describe, expect, it } from 'vitest'
import { measure, type Side } from './measure.ts'

/** A side with a clock of its own: tells what each run takes, and writes down when it had its turn. */
const sideOf = (name: string, ns: (turn: number) => number, turns: string[]): Side => {
  let turn = 0
  return {
    name,
    time: async (runs) => {
      turns.push(`${name}${runs}`)
      return ns(turn++)
    },
  }
}

describe('measure', () => {
  const once = { rounds: 3, window: 100, warmUp: 0, base: 'a' }

  it('gives each side one window a round, and another side the first', async () => {
    const turns: string[] = []
    const sides = ['a', 'b', 'c'].map((name) => sideOf(name, () => 100, turns))
    await measure(sides, once)
    // One run for the warm-up of each, and then the rounds.
    expect(turns.join(' ')).toBe('a1 b1 c1 a1 b1 c1 b1 c1 a1 c1 a1 b1')
  })

  it('makes the windows of fast and slow sides equally long', async () => {
    const turns: string[] = []
    await measure([sideOf('a', () => 2, turns), sideOf('b', () => 1000, turns)], { ...once, rounds: 1 })
    expect(turns).toEqual(['a1', 'a8', 'a50', 'b1', 'a50', 'b1'])
  })

  it('runs what is compiled while it runs until it is warm', async () => {
    const turns: string[] = []
    const slowAtFirst = (turn: number): number => (turn < 3 ? 50 : 10)
    const sides = [sideOf('a', slowAtFirst, turns), { ...sideOf('b', () => 10, turns), compiled: true }]
    const measured = await measure(sides, { rounds: 1, window: 100, warmUp: 500, base: 'b' })
    expect(turns.slice(0, -4).filter((turn) => turn.startsWith('a')).length).toBeGreaterThanOrEqual(20)
    expect(turns.slice(-2)).toEqual(['a10', 'b10'])
    expect(measured.get('a')!.ratio).toEqual({ median: 1, min: 1, max: 1 })
  })

  it('takes ratios within each round, and the median of those', async () => {
    const turns: string[] = []
    // Both get slower from round to round, as on a machine with other work: the ratio stays.
    const sides = [
      sideOf('a', (turn) => 100 * (turn + 1), turns),
      sideOf('b', (turn) => 300 * (turn + 1), turns),
    ]
    const measured = await measure(sides, once)
    expect(measured.get('b')).toEqual({
      ns: { median: 900, min: 600, max: 1200 },
      ratio: { median: 3, min: 3, max: 3 },
    })
    expect(measured.get('a')!.ratio).toBeUndefined()
  })

  it('gives no ratios without a base', async () => {
    const measured = await measure([sideOf('jit', () => 5, [])], { ...once, base: 'kernel' })
    expect(measured.get('jit')).toEqual({ ns: { median: 5, min: 5, max: 5 } })
  })
})
