import { describe, expect, it } from 'vitest'
import { missing, output, allBut as policy } from '../../test/confined.ts'
import { spawnConfined } from '../index.ts'

describe.skipIf(missing)(`spawnConfined${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('runs a command under a filter', async () => {
    const filter = policy({ syscalls: ['mkdir', 'mkdirat'], action: { errno: 'EACCES' } })
    const env = { PATH: process.env.PATH, LC_ALL: 'C', WORD: 'a word' }
    const script =
      'echo "$WORD"; mkdir /tmp/never; grep -E "Seccomp:|NoNewPrivs" /proc/self/status; kill -PIPE $$'
    const confined = await spawnConfined('sh', ['-c', script], { filter, env })
    expect(await output(confined)).toMatch(
      /^a word\nmkdir: .*Permission denied\nNoNewPrivs:\t1\nSeccomp:\t2\nSIGPIPE$/,
    )
  })

  it('ends it where the filter kills', async () => {
    const filter = policy({ syscalls: ['uname'], action: 'kill' })
    expect(await output(await spawnConfined('uname', [], { filter }))).toBe('SIGSYS')
  })

  it('tells how a command ended, however late it is asked', async () => {
    const confined = await spawnConfined('sh', ['-c', 'echo said; exit 3'], { filter: policy() })
    expect(await output(confined)).toBe('said\n3')
    expect(await confined.exited).toEqual({ code: 3, signal: null })
    const silent = await spawnConfined('true', [], { filter: policy(), stdio: 'ignore' })
    expect(await silent.exited).toEqual({ code: 0, signal: null })
  })

  it('says why a command does not begin', async () => {
    const filter = policy()
    const failing = (command: string, one = filter): Promise<unknown> =>
      spawnConfined(command, [], { filter: one })
    await expect(failing('no-such-command')).rejects.toMatchObject({
      code: 'CONFINED_SPAWN',
      errno: 'ENOENT',
    })
    await expect(failing('/etc/passwd')).rejects.toMatchObject({ step: 'execve', errno: 'EACCES' })
    const noExec = policy({ syscalls: ['execve'], action: { errno: 77 } })
    await expect(failing('true', noExec)).rejects.toMatchObject({ step: 'execve', errno: 'EBADFD' })
    const killing = policy({ syscalls: ['execve'], action: 'kill' })
    expect(await output(await spawnConfined('true', [], { filter: killing }))).toBe('SIGSYS')
    await expect(failing('true', [])).rejects.toMatchObject({ code: 'KERNEL_ARGUMENT', argument: 'filter' })
  })
})
