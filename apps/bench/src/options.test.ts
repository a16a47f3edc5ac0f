import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BenchError } from './errors.ts'
import { parseOptions, usage } from './options.ts'
import { programs } from './programs.ts'

const refusal = (...args: string[]): string => {
  try {
    parseOptions(args)
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError)
    expect((error as BenchError).code).toBe('BAD_OPTION')
    return (error as BenchError).message
  }
  throw new Error(`${args.join(' ')} was accepted`)
}

describe('parseOptions', () => {
  it('measures everything when nothing is said', () => {
    const options = parseOptions([])
    expect(options.only).toEqual([...programs.map((p) => p.id), 'ring'])
    expect(options).toMatchObject({ quick: false, json: false, rounds: 51, window: 2, warmUp: 300 })
  })

  it('reads a choice of programs', () => {
    expect(parseOptions(['--only', 'b, i-abs,ring', '--json']).only).toEqual(['b', 'i-abs', 'ring'])
    expect(parseOptions(['--object', 'x.o', '--as', 'e', '--program', 'p'])).toMatchObject({
      object: 'x.o',
      program: 'p',
      as: 'e',
    })
  })

  it('says what is wrong with the rest', () => {
    expect(refusal('--only', 'b,z')).toMatch(/^--only: no program z; there are: a, b, /)
    expect(refusal('--rounds', '0')).toBe('--rounds is 0; give a number from 1 to 1000000')
    expect(refusal('--rounds', '2.5')).toMatch(/^--rounds is 2.5/)
    expect(refusal('--window', 'long')).toMatch(/^--window is long; give a number from 0.01/)
    expect(refusal('--warm-up', '-1')).toMatch(/warm-up/)
    expect(refusal('--fast')).toMatch(/'--fast'/)
    expect(refusal('b')).toMatch(/'b'/)
    expect(refusal('--as', 'e')).toMatch(/--object FILE/)
    expect(refusal('--object', 'x.o', '--only', 'b')).toMatch(/--program/)
    expect(refusal('--object', 'x.o', '--as', 'ring')).toMatch(/ring is no program/)
  })
})

describe('the usage text', () => {
  it('is what README shows', () => {
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(usage)
  })
})
