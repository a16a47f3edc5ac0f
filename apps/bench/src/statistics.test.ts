import { describe, expect, it } from 'vitest'
import { geometricMean, spread } from './statistics.ts'

describe('spread', () => {
  it('sorts by value, not as text', () => {
    expect(spread([100, 9, 20])).toEqual({ median: 20, min: 9, max: 100 })
  })

  it('takes the mean of the two in the middle', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
    expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 })
  })
})

describe('geometricMean', () => {
  it('weighs half and double alike', () => {
    expect(geometricMean([0.5, 2])).toBeCloseTo(1)
    expect(geometricMean([1, 8, 27])).toBeCloseTo(6)
  })
})
