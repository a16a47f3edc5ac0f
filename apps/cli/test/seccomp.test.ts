import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SeccompPolicy } from '@skep/hook-seccomp'
import { afterAll, describe, expect, it } from 'vitest'
import { type Outcome, skep } from './run-skep.ts'

// The commands that run others, as they are installed: these have the streams and the status of the command that they run.

const scratch = mkdtempSync(join(tmpdir(), 'skep-cli-seccomp-'))
afterAll(() => rmSync(scratch, { recursive: true }))
const file = (name: string, contents: string): string => {
  const path = join(scratch, name)
  writeFileSync(path, contents)
  return path
}
const policy: SeccompPolicy = {
  architectures: [process.arch],
  default: 'allow',
  rules: [
    { syscalls: ['mkdir', 'mkdirat'], action: { errno: 'EACCES' } },
    { syscalls: ['uname'], action: 'kill' },
  ],
}
const seccomp = (...args: string[]): Outcome => skep(['seccomp', ...args])

/** Why nothing can be confined here. */
const missing =
  process.platform === 'linux'
    ? await import('koffi').then(
        () => undefined,
        () => 'koffi is not installed',
      )
    : 'needs Linux'

describe.skipIf(missing)(`skep seccomp run, learn${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('runs a command under a policy, whose end is its own', () => {
    const path = file('policy.json', JSON.stringify(policy))
    const script = `echo out; mkdir ${join(scratch, 'folder')}; uname`
    const ended = seccomp('run', '-p', path, '--', 'sh', '-c', `${script}; exit 7`)
    expect(ended).toMatchObject({ status: 7, stdout: 'out\n' })
    expect(ended.stderr).toMatch(/Permission denied(.|\n)*Bad system call/)
  })

  it('learns a policy under which the same command runs', () => {
    const { status, stdout, stderr } = seccomp('learn', '--', 'echo', 'word')
    expect(status).toBe(0)
    expect(stderr).toMatch(/^word\nskep: \d+ system calls seen/)
    const learned = file('learned.json', stdout)
    expect(seccomp('run', '-p', learned, '--', 'echo', 'word')).toMatchObject({ status: 0, stdout: 'word\n' })
  })
})
