import { describe, expect, it } from 'vitest'
import { difference, template } from './compare.ts'
import { parseOptions, UsageError } from './options.ts'

const accept = { verdict: 'accept', processed: 2 } as const
const reject = { verdict: 'reject', errno: 'EACCES', line: 'R1 !read_ok', processed: 2 } as const

describe('difference', () => {
  it('tells the worst that differs', () => {
    expect(difference(accept, accept)).toBeUndefined()
    expect(difference(reject, accept)).toBe('unsafe')
    expect(difference({ ...reject, errno: 'E2BIG' }, accept)).toBe('limit')
    expect(difference({ ...reject, errno: 'EFAULT', line: 'verifier bug: REG INVARIANTS' }, accept)).toBe(
      'limit',
    )
    expect(difference(accept, reject)).toBe('strict')
    expect(difference(reject, { ...reject, errno: 'EINVAL' })).toBe('errno')
    expect(difference(reject, { ...reject, line: 'R2 !read_ok' })).toBe('line')
    expect(difference(reject, { ...reject, processed: 3 })).toBe('processed')
  })

  it('asks for no line where the kernel gave none', () => {
    expect(difference({ verdict: 'reject', errno: 'EACCES', processed: 0 }, reject)).toBeUndefined()
  })

  it('counts lines by kind', () => {
    expect(template('R1 invalid mem access')).toBe(template('R7 invalid mem access'))
    expect(template('invalid shift 64')).not.toBe(template('invalid size 64'))
  })
})

describe('options', () => {
  it('has the count of the bar, unless said', () => {
    expect(parseOptions([])).toMatchObject({ count: 200_000, seed: 1, generator: 'all', minimise: false })
    expect(parseOptions(['--count', '5', '--generator', 'grammar'])).toMatchObject({
      count: 5,
      generator: 'grammar',
    })
  })

  it.each([
    ['--count', 'x'],
    ['--generator', 'none'],
    ['--kinds', 'all'],
    ['--nothing', '1'],
  ])('refuses %s %s', (option, value) => {
    expect(() => parseOptions([option, value])).toThrow(UsageError)
  })
})
