import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { missing, named } from './availability.ts'
import { exit, firstByte, hex, mov, pass } from './insns.ts'

const script = (name: string): string =>
  fileURLToPath(new URL(`../../../scripts/kernel/${name}.mjs`, import.meta.url))

const answers = (name: string, args: string[], lines: string[]): unknown[] => {
  const result = spawnSync(process.execPath, [script(name), ...args], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
  })
  expect(result.status, result.stderr).toBe(0)
  return result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe.skipIf(missing)(named('scripts/kernel'), () => {
  it('verify.mjs answers line by line, bad ones too', () => {
    const lines = [
      JSON.stringify({ name: 'a', type: 'xdp', insns: hex(...pass) }),
      '{ not json',
      JSON.stringify({ name: 'c', type: 'xdp', insns: hex(mov(0, 2), exit()) }),
    ]
    expect(answers('verify', ['--log'], lines)).toMatchObject([
      { name: 'a', verdict: 'accept', processed: 2 },
      { name: '', verdict: 'reject', error: { code: 'JSON' } },
      {
        name: 'c',
        verdict: 'reject',
        errno: 'EACCES',
        line: 'R2 !read_ok',
        log: expect.stringMatching(/R2 !read_ok/),
      },
    ])
  })

  it('run.mjs answers results', () => {
    const line = JSON.stringify({ name: 'a', type: 'xdp', insns: hex(...firstByte), data: '07'.repeat(20) })
    expect(answers('run', [], [line, ''])).toMatchObject([
      { name: 'a', retval: 7, data_out: '07'.repeat(20) },
    ])
  })
})
