import { describe, expect, it } from 'vitest'
import { compilePolicy, diffPolicies, learnPolicy, type SeccompPolicy, simulate } from './index.ts'

const X86_64 = 0xc000_003e
const X86 = 0x4000_0003

describe('learnPolicy', () => {
  it('allows what was seen, by architecture, and nothing else', () => {
    const observed = [
      { arch: X86_64, nr: 1 },
      { arch: X86_64, nr: 0 },
      { arch: X86_64, nr: 0x4000_0000 + 39 },
      { arch: X86_64, nr: 9999 },
      { arch: X86, nr: 4 },
    ]
    const policy = learnPolicy(observed, { also: ['exit'] })
    expect(policy).toEqual({
      architectures: ['x86_64', 'x32', 'x86'],
      default: { errno: 'EPERM' },
      rules: [
        { syscalls: ['exit'], action: 'allow' },
        { syscalls: [9999, 'read', 'write'], action: 'allow', architectures: ['x86_64'] },
        { syscalls: ['getpid'], action: 'allow', architectures: ['x32'] },
        { syscalls: ['write'], action: 'allow', architectures: ['x86'] },
      ],
    })
    const filter = compilePolicy(policy)
    const runs = (arch: string, syscall: string): boolean => simulate(filter, { arch, syscall }).runs
    expect([runs('x86_64', 'read'), runs('x86', 'read'), runs('x32', 'getpid')]).toEqual([true, false, true])
    expect([runs('x86_64', 'getpid'), runs('x86', 'exit')]).toEqual([false, true])
  })

  it('refuses an architecture that has no table', () => {
    const learning = (): unknown => learnPolicy([{ arch: 1, nr: 0 }])
    expect(learning).toThrow(expect.objectContaining({ name: 'SeccompError', code: 'UNKNOWN_ARCH' }))
  })
})

describe('diffPolicies', () => {
  const before: SeccompPolicy = {
    default: 'kill',
    rules: [
      { syscalls: ['read', 'write', 7], action: 'allow' },
      { syscalls: ['socket'], action: 'allow', args: [{ arg: 0, op: 'eq', value: 1, bits: 32 }] },
    ],
  }

  it('says what differs, call by call', () => {
    const after: SeccompPolicy = {
      default: 'kill_process',
      badArch: { errno: 'ENOSYS' },
      rules: [
        { syscalls: ['read', 'openat'], action: 'allow' },
        { syscalls: ['write'], action: { errno: 'EPERM' } },
        {
          syscalls: ['socket'],
          action: 'allow',
          args: [{ arg: 0, op: 'masked_eq', mask: '0xff', value: 2 }],
        },
        { syscalls: ['socket'], action: 'log' },
      ],
    }
    const socket = 'allow if arg0 & 255 eq 2, else log'
    expect(diffPolicies(before, after)).toEqual([
      { architecture: '*', syscall: 'badArch', before: 'kill_process', after: 'errno 38' },
      { architecture: 'x86_64', syscall: 'write', before: 'allow', after: 'errno 1' },
      { architecture: 'x86_64', syscall: 7, before: 'allow', after: undefined },
      { architecture: 'x86_64', syscall: 'socket', before: 'allow if arg0 eq 1 (32 bits)', after: socket },
      { architecture: 'x86_64', syscall: 'openat', before: undefined, after: 'allow' },
    ])
    expect(diffPolicies(after, after)).toEqual([])
  })
})
