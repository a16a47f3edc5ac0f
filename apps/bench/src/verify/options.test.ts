import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BenchError } from '../errors.ts'
import { parseVerifyOptions, verifyUsage } from './options.ts'

const refusal = (...args: string[]): string => {
  try {
    parseVerifyOptions(args)
  } catch (error) {
    expect(error).toBeInstanceOf(BenchError)
    expect((error as BenchError).code).toBe('BAD_OPTION')
    return (error as BenchError).message
  }
  throw new Error(`${args.join(' ')} was accepted`)
}

describe('parseVerifyOptions', () => {
  it('has a default for everything', () => {
    expect(parseVerifyOptions([])).toEqual({
      paths: [],
      only: '',
      least: 1000,
      rounds: 31,
      seconds: 10,
      cold: 5,
      whole: 5,
      json: false,
      help: false,
    })
  })

  it('reads files, folders and figures', () => {
    const options = parseVerifyOptions([
      'a.o',
      '--least',
      '0',
      'folder',
      '--seconds',
      '0.5',
      '--cold=0',
      '--json',
    ])
    expect(options).toMatchObject({ paths: ['a.o', 'folder'], least: 0, seconds: 0.5, cold: 0, json: true })
  })

  it('says what is wrong with the rest', () => {
    expect(refusal('--rounds', '0')).toBe('--rounds is 0; give a number from 1 to 1000000')
    expect(refusal('--cold', '1.5')).toMatch(/^--cold is 1.5/)
    expect(refusal('--least', 'many')).toMatch(/^--least is many/)
    expect(refusal('--fast')).toMatch(/'--fast'/)
  })
})

describe('the usage text', () => {
  it('is what README shows', () => {
    expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain(verifyUsage)
  })
})
