import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { functionsBtf, lockBtf } from '../test/btf.ts'
import { readVmlinuxBtf, VmlinuxBtf } from './vmlinux.ts'

describe('VmlinuxBtf', () => {
  it('finds types by kind and name', () => {
    const btf = new VmlinuxBtf(lockBtf())
    expect(btf.find('struct', 'bpf_spin_lock')).toBe(2)
    expect(btf.find('struct', 'value')).toBe(3)
    expect(btf.find('func', 'value')).toBeUndefined()
    expect(btf.find('struct', 'lue')).toBeUndefined()
    expect(new VmlinuxBtf(functionsBtf()).find('func', 'sub')).toBe(4)
  })

  it('finds members by name', () => {
    const btf = new VmlinuxBtf(lockBtf())
    expect(btf.memberIndex(3, 'lock')).toBe(1)
    expect(btf.memberIndex(3, 'none')).toBeUndefined()
    expect(btf.memberIndex(99, 'lock')).toBeUndefined()
  })

  it('is undefined without the file', () => {
    expect(readVmlinuxBtf('/sys/kernel/btf/no_such_module')).toBeUndefined()
  })

  it.skipIf(!existsSync('/sys/kernel/btf/vmlinux'))("reads the running kernel's", () => {
    const btf = readVmlinuxBtf()
    expect(btf?.find('struct', 'task_struct')).toBeGreaterThan(0)
    expect(btf?.find('typedef', 'u64')).toBeGreaterThan(0)
    expect(btf?.find('func', 'no_such_function_here')).toBeUndefined()
  })
})
