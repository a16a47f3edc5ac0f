import { BtfBuilder } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verdict } from '../src/index.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'

// What programs may return, by what they attach to. The types are those of a small kernel made up here.

const kernelBtf = (() => {
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const u64 = b.int('unsigned long', 8)
  const file = b.struct('file', [{ name: 'f_flags', type: u64 }])
  const other = b.struct('other', [{ name: 'a', type: u64 }])
  const func = (name: string, result: number, ...params: number[]): number =>
    b.func(
      name,
      b.funcProto(
        result,
        params.map((type, i) => [`p${i}`, type] as const),
      ),
    )
  func('vfs_thing', int, b.pointer(file), int)
  func('vfs_quiet', 0, b.pointer(file))
  const hooks = ['file_open', 'inode_free_security', 'file_alloc_security']
  func('bpf_lsm_file_open', int, b.pointer(file))
  func('bpf_lsm_inode_free_security', 0, b.pointer(file))
  func('security_file_open', int, b.pointer(file))
  const proto = b.pointer(b.funcProto(int, [['file', b.pointer(file)]]))
  b.union(
    'security_list_options',
    hooks.map((name) => ({ name, type: proto })),
  )
  b.pointer(other)
  return b.build()
})()

const verifier = await createVerifier(platform, { kernelBtf })

const judge = (type: string, attach: string, to: string, asm: string): Verdict =>
  verifier.verify(specFromRow(rowOf({ name: 'program', type, attach, to, asm }), platform))

const told = (verdict: Verdict): string =>
  verdict.verdict === 'accept' ? 'accept' : `${verdict.errno}: ${verdict.line}`

const value = (number: number): string => `r0 = ${number}\nexit`
/** A number of which the low half alone is known: from 0 to 3, or below. */
const low = (mask: number): string => `r2 = *(u64 *)(r1 + 8)\nr0 = r2\nw0 &= ${mask}\nexit`

const HIGH = 'lddw r0, 0x100000000\nexit'

describe('at program exit', () => {
  it.each([
    ['tracing', 'trace_fentry', 'vfs_thing', value(0), 'accept'],
    [
      'tracing',
      'trace_fentry',
      'vfs_thing',
      value(1),
      'EINVAL: At program exit the register R0 has smin=1 smax=1 should have been in [0, 0]',
    ],
    [
      'tracing',
      'trace_fentry',
      'vfs_thing',
      'r0 = r1\nexit',
      'EINVAL: At program exit the register R0 is not a known value (ctx)',
    ],
    ['tracing', 'trace_fexit', 'vfs_thing', value(0), 'accept'],
    [
      'tracing',
      'trace_fexit',
      'vfs_thing',
      value(-1),
      'EINVAL: At program exit the register R0 has smin=-1 smax=-1 should have been in [0, 0]',
    ],
    ['tracing', 'modify_return', 'security_file_open', value(7), 'accept'],
    ['lsm', 'lsm_mac', 'bpf_lsm_file_open', value(0), 'accept'],
    ['lsm', 'lsm_mac', 'bpf_lsm_file_open', value(-4095), 'accept'],
    [
      'lsm',
      'lsm_mac',
      'bpf_lsm_file_open',
      value(1),
      'EINVAL: At program exit the register R0 has smin=1 smax=1 should have been in [-4095, 0]',
    ],
    [
      'lsm',
      'lsm_mac',
      'bpf_lsm_file_open',
      value(-4096),
      'EINVAL: At program exit the register R0 has smin=-4096 smax=-4096 should have been in [-4095, 0]',
    ],
    // The low half is what the hook returns.
    ['lsm', 'lsm_mac', 'bpf_lsm_file_open', HIGH, 'accept'],
    ['lsm', 'lsm_mac', 'bpf_lsm_inode_free_security', value(5), 'accept'],
    ['lsm', 'lsm_mac', 'bpf_lsm_inode_free_security', 'r2 = 0\nexit', 'accept'],
    ['lsm', 'lsm_cgroup', 'bpf_lsm_file_open', value(1), 'accept'],
    [
      'lsm',
      'lsm_cgroup',
      'bpf_lsm_file_open',
      value(2),
      'EINVAL: At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]',
    ],
  ])('%s %s of %s: %s', (type, attach, to, asm, expected) => {
    expect(told(judge(type, attach, to, asm))).toBe(expected)
  })

  it('takes the low half alone where a function returns no more', () => {
    expect(told(judge('lsm', 'lsm_mac', 'bpf_lsm_file_open', low(0)))).toBe('accept')
    expect(told(judge('lsm', 'lsm_mac', 'bpf_lsm_file_open', low(1)))).toMatch(
      /should have been in \[-4095, 0\]/,
    )
  })

  it('says that types are needed where they are not given', async () => {
    const without = await createVerifier(platform)
    const row = rowOf({
      name: 'program',
      type: 'tracing',
      attach: 'trace_fentry',
      to: 'vfs_thing',
      asm: value(0),
    })
    expect(told(without.verify(specFromRow(row, platform)))).toBe(
      "EINVAL: vfs_thing has no btf_id: programs of type tracing need the kernel's BTF, which is not given",
    )
  })

  it('asks once for the names that have addresses', async () => {
    let asked = 0
    const names = new Set(['vfs_thing'])
    const kernelSymbols = () => {
      asked++
      return names
    }
    const knowing = await createVerifier(platform, { kernelBtf, kernelSymbols })
    const on = (to: string) =>
      told(
        knowing.verify(
          specFromRow(
            rowOf({ name: 'p', type: 'tracing', attach: 'trace_fentry', to, asm: value(0) }),
            platform,
          ),
        ),
      )
    expect(on('vfs_thing')).toBe('accept')
    expect(on('vfs_quiet')).toBe('ENOENT: The address of function vfs_quiet cannot be found')
    expect(on('vfs_thing')).toBe('accept')
    expect(asked).toBe(1)
  })
})
