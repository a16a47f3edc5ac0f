import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import { errnoText } from './errno.ts'

describe('errnoText', () => {
  it('names results of system calls', () => {
    expect([-1, -22, -28, -105, -110, -133, -524].map(errnoText)).toEqual([
      'EPERM',
      'EINVAL',
      'ENOSPC',
      'ENOBUFS',
      'ETIMEDOUT',
      'EHWPOISON',
      'ENOTSUPP',
    ])
    expect(errnoText(-600)).toBe('errno 600')
    expect(errnoText(28)).toBe('errno -28')
  })

  it.skipIf(process.platform !== 'linux')('agrees with the system where both have a name', () => {
    const aliases = new Set(['EWOULDBLOCK', 'ENOTSUP', 'EDEADLOCK'])
    for (const [name, n] of Object.entries(constants.errno)) {
      if (!aliases.has(name)) expect(errnoText(-n)).toBe(name)
    }
  })
})
