import { describe, expect, it } from 'vitest'
import { compilePolicy, createSimulator, parseOciProfile } from './index.ts'

const profile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
  ],
  syscalls: [
    { names: ['read', 'write', 'exit_group', 'no_such_call'], action: 'SCMP_ACT_ALLOW' },
    { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38, excludes: { caps: ['CAP_SYS_ADMIN'] } },
    { names: ['clone3', 'mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
    { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['amd64', 'x32'] } },
    {
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [
        { index: 0, value: 0, op: 'SCMP_CMP_EQ' },
        { index: 0, value: 8, op: 'SCMP_CMP_EQ' },
      ],
    },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { name: 'umount', action: 'SCMP_ACT_NOTIFY' },
  ],
}

describe('parseOciProfile', () => {
  const deciding = (options: Parameters<typeof parseOciProfile>[1]) => {
    const { policy, notes } = parseOciProfile(JSON.stringify(profile), options)
    const simulator = createSimulator(compilePolicy(policy))
    const decide = (syscall: string, arch: string, ...args: number[]): string => {
      const { action, errno, data } = simulator.decide({ syscall, arch, args })
      return action === 'errno' ? `errno ${errno}` : data === 0 ? action : `${action} ${data}`
    }
    return { decide, policy, notes }
  }

  it('decides as a container runtime would have it', () => {
    const { decide, policy, notes } = deciding({})
    expect(policy.architectures).toEqual(['x86_64', 'x86', 'x32'])
    expect(notes).toEqual(['syscalls.0: no architecture has a system call no_such_call'])
    expect(decide('read', 'x86')).toBe('allow')
    expect(decide('read', 'x32')).toBe('allow')
    expect(decide('read', 'aarch64')).toBe('kill_thread')
    expect(decide('mount', 'x86_64')).toBe('errno 1')
    expect(decide('clone3', 'x86_64')).toBe('errno 38')
    expect(decide('ptrace', 'x86_64')).toBe('allow')
    expect(['0', '8', '9'].map((n) => decide('personality', 'x86_64', Number(n)))).toEqual([
      'allow',
      'allow',
      'errno 1',
    ])
    expect(decide('clone', 'x86_64', 0x100)).toBe('allow')
    expect(decide('clone', 'x86_64', 0x1000_0000)).toBe('errno 1')
    expect(decide('umount', 'x86')).toBe('user_notif')
  })

  it('judges conditions by architecture, capabilities and kernel', () => {
    const { decide, policy } = deciding({ arch: 'arm64', capabilities: ['CAP_SYS_ADMIN'], kernel: '4.4' })
    expect(policy.architectures).toEqual(['aarch64', 'arm'])
    expect(decide('clone3', 'aarch64')).toBe('allow')
    expect(decide('ptrace', 'aarch64')).toBe('errno 1')
  })

  it.each<[unknown, string, string | undefined]>([
    ['{', 'BAD_PROFILE', undefined],
    [{}, 'BAD_PROFILE', 'defaultAction'],
    [{ defaultAction: 'ALLOW' }, 'BAD_PROFILE', 'defaultAction'],
    [{ defaultAction: 'SCMP_ACT_LOG', architectures: ['SCMP_ARCH_VAX'] }, 'UNKNOWN_ARCH', 'architectures.0'],
    [
      {
        defaultAction: 'SCMP_ACT_LOG',
        syscalls: [{ names: ['read'], action: 'SCMP_ACT_TRAP', args: [{ index: 0, value: 1, op: 'EQ' }] }],
      },
      'BAD_PROFILE',
      'syscalls.0.args.0.op',
    ],
  ])('refuses %j', (input, code, path) => {
    expect(() => parseOciProfile(input)).toThrow(
      expect.objectContaining({ name: 'SeccompError', code, path }),
    )
  })
})
