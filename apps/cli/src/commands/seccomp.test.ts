import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { EXIT, reportError } from '../report.ts'
import { seccompCommand } from './seccomp.ts'

const scratch = mkdtempSync(join(tmpdir(), 'skep-cli-seccomp-'))
afterAll(() => rmSync(scratch, { recursive: true }))
const file = (name: string, contents: string): string => {
  const path = join(scratch, name)
  writeFileSync(path, contents)
  return path
}
const policy = file(
  'policy.json',
  JSON.stringify({
    architectures: [process.arch === 'arm64' ? 'aarch64' : 'x86_64'],
    default: 'allow',
    rules: [
      { syscalls: ['mkdir', 'mkdirat'], action: { errno: 'EACCES' } },
      { syscalls: ['uname'], action: 'kill' },
      {
        syscalls: ['socket'],
        action: { errno: 'EPERM' },
        args: [{ arg: 0, op: 'ne', value: '0x1', bits: 32 }],
      },
    ],
  }),
)

/** The command, in this process. */
async function seccomp(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text)
      return true
    }),
  )
  const command = seccompCommand().exitOverride()
  for (const one of command.commands) one.exitOverride()
  try {
    await command.parseAsync(args, { from: 'user' })
    return { status: EXIT.fine, ...printed }
  } catch (error) {
    const status = error instanceof CommanderError ? EXIT.usage : reportError(error)
    return { status, ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe('skep seccomp compile', () => {
  it('gives the same filter as a listing, as C, as numbers and as bytes', async () => {
    const { status, stdout } = await seccomp('compile', policy, '-ddd')
    expect(status).toBe(0)
    const numbers = file('filter.ddd', stdout)
    const bytes = join(scratch, 'filter.bin')
    expect(await seccomp('compile', policy, '-w', bytes)).toMatchObject({ status: 0, stdout: '' })
    expect(readFileSync(bytes).length).toBe(8 * Number(stdout.split('\n')[0]))
    const c = file('filter.c', (await seccomp('compile', policy, '-dd')).stdout)
    expect((await seccomp('compile', policy)).stdout).toMatch(/^\(000\) ld +\[4\]\n/)
    for (const one of [policy, numbers, bytes, c])
      expect((await seccomp('simulate', one, 'mkdir', '--arch', 'x86_64')).stdout).toMatch(
        /errno 13 \(EACCES\)|kill/,
      )
    const json = JSON.parse((await seccomp('compile', policy, '--json')).stdout)
    expect(json.insns).toHaveLength(json.instructions)
    expect(json.bytes).toBe(readFileSync(bytes).toString('hex'))
  })

  it('says where a policy is none', async () => {
    const bad = file(
      'bad.json',
      JSON.stringify({ default: 'allow', rules: [{ syscalls: ['opn'], action: 'allow' }] }),
    )
    expect(await seccomp('compile', bad)).toMatchObject({ status: 1, stdout: '' })
    expect((await seccomp('compile', bad)).stderr).toMatch(/bad\.json: rules\.0.*opn.*\[UNKNOWN_SYSCALL\]/)
    expect((await seccomp('compile', file('no.json', '{'))).stderr).toMatch(
      /no\.json: not JSON: .*\[BAD_JSON\]/,
    )
    const profile = file('profile.json', JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' }))
    expect((await seccomp('compile', profile)).stderr).toMatch(/skep seccomp import oci .*\[BAD_POLICY\]/)
    expect((await seccomp('compile', join(scratch, 'none'))).status).toBe(1)
    expect((await seccomp('compile')).status).toBe(2)
    expect((await seccomp('mend')).status).toBe(2)
  })
})

describe('skep seccomp simulate', () => {
  it('decides a call, under several filters too', async () => {
    const say = async (...args: string[]): Promise<string> =>
      (await seccomp('simulate', ...args, '--arch', 'x86_64')).stdout
    const own = file('x86.json', readFileSync(policy, 'utf8').replace('aarch64', 'x86_64'))
    expect(await say(own, 'socket', '1')).toBe('socket(1): allow\n')
    expect(await say(own, 'socket', '0x2')).toBe('socket(0x2): errno 1 (EPERM)\n')
    expect(await say(own, 'uname')).toBe('uname(): kill_process\n')
    const older = file(
      'older.json',
      JSON.stringify({ default: 'allow', rules: [{ syscalls: [39], action: { trap: 7 } }] }),
    )
    expect(await say(own, '39', '--under', older)).toBe('39(): trap 7\n')
    expect(JSON.parse(await say(own, '39', '--under', older, '--json'))).toMatchObject({
      action: 'trap',
      filter: 0,
    })
    expect((await seccomp('simulate', own, 'read', '--arch', 'aarch64')).stdout).toBe(
      'read(): kill_process\n',
    )
    expect(await seccomp('simulate', own, 'read', 'x')).toMatchObject({ status: 2 })
    expect(await seccomp('simulate', own, 'nothing')).toMatchObject({ status: 1 })
  })
})

describe('skep seccomp run, learn', () => {
  it('says what is wrong before anything runs', async () => {
    expect(await seccomp('run', '--', 'true')).toMatchObject({ status: 2 })
    expect(await seccomp('learn', '--also', 'nothing', '--', 'true')).toMatchObject({ status: 2 })
    expect(await seccomp('run', '-p', join(scratch, 'none'), '--', 'true')).toMatchObject({ status: 1 })
  })
})

describe('skep seccomp diff, import', () => {
  it('shows what differs', async () => {
    const other = file('other.json', JSON.stringify({ default: 'allow', rules: [] }))
    expect((await seccomp('diff', policy, policy)).stdout).toBe('no difference\n')
    expect((await seccomp('diff', policy, other)).stdout).toMatch(/mkdir +errno 13 +-\n/)
    expect(JSON.parse((await seccomp('diff', policy, other, '--json')).stdout)).toHaveLength(4)
  })

  it('makes policies of profiles', async () => {
    const seccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names: ['read', 'no_such_call'], action: 'SCMP_ACT_ALLOW' }],
    }
    const whole = file('config.json', JSON.stringify({ linux: { seccomp: seccompProfile } }))
    const { status, stdout, stderr } = await seccomp('import', 'oci', whole)
    expect(status).toBe(0)
    expect(stderr).toContain('no_such_call')
    const imported = file('imported.json', stdout)
    expect((await seccomp('simulate', imported, 'read')).stdout).toBe('read(): allow\n')
    expect(await seccomp('import', 'lxc', whole)).toMatchObject({ status: 2 })
    expect(await seccomp('import', 'oci', file('none.json', '{}'))).toMatchObject({ status: 1 })
  })
})
