import { describe, expect, it } from 'vitest'
import { traffic } from '../../test/capture.ts'
import { evaluateFilter } from './evaluate.ts'
import { generateFilter } from './generate.ts'

describe('generateFilter', () => {
  it('accepts the packets of a port and no others', () => {
    const program = generateFilter('tcp port 80')
    const accepted = traffic().filter((packet) => evaluateFilter(program, packet) !== 0)
    expect(accepted.length).toBeGreaterThan(0)
    expect(accepted.length).toBeLessThan(traffic().length)
    expect(evaluateFilter(generateFilter('not tcp port 80'), accepted[0]!)).toBe(0)
  })
})
