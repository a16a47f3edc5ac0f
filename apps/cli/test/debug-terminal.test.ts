import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { skep } from './run-skep.ts'

const object = fileURLToPath(new URL('../../../packages/debugger/testdata/steps.o', import.meta.url))
const data = Buffer.alloc(60, 3).toString('hex')
const debug = (commands: readonly string[], ...args: string[]) =>
  skep(['debug', object, '-p', 'first', '--data', data, ...args], `${commands.join('\n')}\n`)

describe('skep debug', () => {
  it('does what a script says, forward and backward', () => {
    const { stdout, stderr, status } = debug([
      'break mix if w2 == 3',
      'c',
      'bt',
      'finish',
      'rsi',
      'rc',
      'goto 0',
      'watch events[07000000]',
      'delete 1',
      'c',
      'info maps',
      'rsi',
      'info maps',
      'c',
      'c',
      'c',
      'p r0',
    ])
    expect([stderr, status]).toEqual(['', 0])
    const lines = stdout.split('\n').filter((line) => !/^[ \d]{3}\d [\ta-z]/.test(line))
    expect(lines.map((line) => line.replace(/ at \.\/.*/, ''))).toEqual([
      'entry: first',
      'breakpoint 1 at first:49',
      'breakpoint 1: mix',
      '#0 mix',
      '#1 rounds',
      '#2 first',
      'rounds',
      'mix',
      'breakpoint 1: mix',
      'first',
      'watchpoint 2',
      'watchpoint 2: first',
      'next prog_array: 4 and 4 bytes, 1 at most',
      '  00 00 00 00 01 00 00 00',
      'events hash: 4 and 8 bytes, 8 at most',
      '  07 00 00 00 01 00 00 00 29 30 ec 05',
      '.bss array: 4 and 8 bytes, 1 at most',
      '  00 00 00 00 00 00 00 00 00 00 00 00',
      'first',
      'next prog_array: 4 and 4 bytes, 1 at most',
      '  00 00 00 00 01 00 00 00',
      'events hash: 4 and 8 bytes, 8 at most',
      '.bss array: 4 and 8 bytes, 1 at most',
      '  00 00 00 00 00 00 00 00 00 00 00 00',
      'watchpoint 2: first',
      'watchpoint 2: second',
      expect.stringMatching(/^exited with [23] after \d+ instructions$/),
      expect.stringMatching(/^0x[23] \([23]\)$/),
      '',
    ])
  })

  it('says what it does not know, and goes on', () => {
    const { stdout, status } = debug(['foo', 'break 9999', 'p r11', 'set r10 = 1', 'x 0', 'watch', 'c'])
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /no command foo.*\nno code of first at or behind line 9999.*\nr11: no value r11.*\n.*r10 is read-only.*\nno 16 bytes at 0x0.*\nwatch takes/,
    )
    expect(stdout).toMatch(/exited with/)
    const bad = (...args: string[]) => {
      const { stderr, status: code } = skep(['debug', ...args])
      return `${code} ${stderr}`
    }
    expect(bad()).toMatch(/^2 skep: name an object file, or say --dap/)
    expect(bad(object, '-p', 'none')).toMatch(/^1 skep: no program "none"; the collection has/)
    expect(bad(object, '--dap')).toMatch(/^2 skep: --dap takes no file/)
    expect(bad(object, '--pcap', 'none.pcap')).toMatch(/^1 skep: none.pcap: no such file/)
  })
})
