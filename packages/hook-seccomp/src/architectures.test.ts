import { afterAll, describe, expect, it } from 'vitest'
import { compileHelper } from '../test/ask-kernel.ts'
import { architectureOf, architectures, findArchitecture, syscallName, syscallsOf } from './index.ts'

describe('architectures', () => {
  it('are found by the names of everybody, and by token', () => {
    for (const name of ['x64', 'amd64', 'SCMP_ARCH_X86_64']) expect(architectureOf(name).name).toBe('x86_64')
    expect(findArchitecture(0xc000_00b7)?.name).toBe('aarch64')
    expect(findArchitecture('vax')).toBeUndefined()
    expect(() => architectureOf('vax', 'rules.0')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_ARCH', path: 'rules.0' }),
    )
  })

  it('have the numbers of their tables', () => {
    const numbers = (arch: Parameters<typeof syscallsOf>[0], ...names: string[]): unknown[] =>
      names.map((name) => syscallsOf(arch).get(name))
    expect(numbers('x86_64', 'read', 'openat', 'seccomp', 'uretprobe', 'file_setattr')).toEqual([
      0, 257, 317, 335, 469,
    ])
    expect(numbers('aarch64', 'read', 'openat', 'open', 'seccomp')).toEqual([63, 56, undefined, 277])
    expect(numbers('x86', 'openat', 'socketcall', 'clock_gettime64')).toEqual([295, 102, 403])
    expect(numbers('x32', 'read', 'execve')).toEqual([0x4000_0000, 0x4000_0000 + 520])
    expect(numbers('mips64', 'read', 'mseal')).toEqual([5000, 5462])
    expect(numbers('s390x', 'seccomp')).toEqual([348])
    expect(syscallName('x86_64', 0x4000_0000 + 520)).toBe('execve')
    expect(syscallName('x86_64', 100_000)).toBeUndefined()
    for (const { name } of architectures) {
      const all = [...syscallsOf(name).values()]
      expect(new Set(all).size, name).toBe(all.length)
    }
  })
})

const resolver = compileHelper('../syscalls/resolve', ['seccomp'])
afterAll(() => resolver.remove())

describe.skipIf(resolver.missing)(
  `beside libseccomp${resolver.missing ? ` (skipped: ${resolver.missing})` : ''}`,
  () => {
    it('has every system call that libseccomp has, and no other number for it', () => {
      for (const row of resolver.run(new Uint8Array()).toString().trim().split('\n')) {
        const [arch, number, name] = row.split(' ') as [never, string, string]
        const { first } = architectureOf(arch)
        expect(syscallsOf(arch).get(name), row).toBe(first + Number(number))
      }
    })
  },
)
