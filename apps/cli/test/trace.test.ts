import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { skep } from './run-skep.ts'

// `skep trace` over a script, as a user runs it.

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'skep-trace-'))
  writeFileSync(
    join(folder, 'lib.mjs'),
    'export const lib = { async later(n) { await null; return n }, twice: (n) => n * 2 }\n',
  )
  writeFileSync(
    join(folder, 'script.mjs'),
    `import { join } from 'node:path'
     import { lib } from './lib.mjs'
     for (let n = 0; n < 5; n++) { lib.twice(n); await lib.later(n); join('a', 'b') }
     console.log('end', process.argv.slice(2).join(' '))\n`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('skep trace', () => {
  it('counts, times and draws what a script does, and leaves the script what it is', () => {
    const flame = join(folder, 'flame.svg')
    const { status, stderr, stdout } = skep([
      'trace',
      ...['--count', 'kprobe:./lib.mjs:lib.*', '--latency', 'kprobe:./lib.mjs:lib.later', '--async'],
      ...['--stacks', 'kprobe:path:join', '--flame', flame],
      ...['-e', 'kretprobe:./lib.mjs:lib.twice /retval > 2/ { @[retval] = count() }'],
      ...[join(folder, 'script.mjs'), '--', '--own', 'option'],
    ])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('end --own option')
    expect(lines.filter((line) => /^@\[|^@calls/.test(line)).sort()).toEqual([
      '@[4]: 1',
      '@[6]: 1',
      '@[8]: 1',
      '@calls[later]: 5',
      '@calls[twice]: 5',
    ])
    expect(lines).toContain('@latency[later]:')
    expect(readFileSync(flame, 'utf8')).toContain('<title>join (5 of 5, 100.00%)</title>')
  })

  it('says what is wrong with a program, and where', () => {
    const { status, stderr } = skep(['trace', '-e', 'kprobe:m:f { @ = wrong }', 'script.mjs'])
    expect([status, stderr]).toEqual([2, expect.stringContaining('the program, column 18: expected a value')])
  })
})
