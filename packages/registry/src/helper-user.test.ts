import { describe, expect, it } from 'vitest'
import { attachTypeName } from './attach-type.ts'
import type { HelperDef } from './helper.ts'
import { type HelperUser, helperAllowed, helperFor, helperProbeAllowed } from './helper-user.ts'
import type { ProgramTypeDef } from './program-type.ts'

const base: HelperDef = { name: 'bpf_x', id: 1, args: [], returns: { kind: 'integer' } }
const user = (programType: string, rest: Partial<HelperUser> = {}): HelperUser => ({
  programType,
  bpf: true,
  perfmon: true,
  ...rest,
})

describe('helperAllowed', () => {
  it('minds attach types of the program types that are listed', () => {
    const helper = { ...base, attachTypes: { tracing: ['trace_iter'] } }
    expect(helperAllowed(helper, user('tracing', { attachType: 'trace_iter' }))).toBe(true)
    expect(helperAllowed(helper, user('tracing', { attachType: 'trace_raw_tp' }))).toBe(false)
    expect(helperAllowed(helper, user('tracing'))).toBe(false)
    expect(helperAllowed(helper, user('xdp'))).toBe(true)
  })

  it('minds what the program attaches to', () => {
    const helper = { ...base, attachTo: { 'tracing/trace_iter': ['bpf_iter_tcp'] } }
    const at = (attachTo?: string): HelperUser => user('tracing', { attachType: 'trace_iter', attachTo })
    expect([at('bpf_iter_tcp'), at('bpf_iter_task'), at()].map((u) => helperAllowed(helper, u))).toEqual([
      true,
      false,
      false,
    ])
  })

  it('takes the struct of a member for all of its members', () => {
    const helper = { ...base, attachTo: { struct_ops: ['tcp_congestion_ops', 'hid_bpf_ops:init'] } }
    const at = (attachTo?: string): HelperUser => user('struct_ops', { attachTo })
    const targets = [
      'tcp_congestion_ops:init',
      'tcp_congestion_ops',
      'bpf_dummy_ops:init',
      'hid_bpf_ops:exit',
      undefined,
    ]
    expect(targets.map((to) => helperAllowed(helper, at(to)))).toEqual([true, true, false, false, false])
  })

  it('minds capabilities, but for the program types that are free of them', () => {
    const helper = { ...base, capability: 'perfmon', capabilityFree: ['syscall'] } as const
    expect(helperAllowed(helper, user('xdp', { perfmon: false }))).toBe(false)
    expect(helperAllowed(helper, user('syscall', { perfmon: false }))).toBe(true)
    expect(helperAllowed({ ...base, capability: 'bpf' }, user('xdp', { bpf: false }))).toBe(false)
  })
})

describe('helperAllowed, with features', () => {
  it('offers what needs one to users that have it', () => {
    const helper = { ...base, feature: 'BPF_KPROBE_OVERRIDE' }
    expect(helperAllowed(helper, user('kprobe'))).toBe(false)
    expect(helperAllowed(helper, user('kprobe', { features: ['BPF_KPROBE_OVERRIDE'] }))).toBe(true)
  })
})

describe('helperProbeAllowed', () => {
  it('goes by type, attach type and target', () => {
    const helper = { ...base, probe: { 'tracing/trace_fentry': ['vfs_read'], lsm: true } } as const
    const fentry = (attachTo: string): HelperUser => user('tracing', { attachType: 'trace_fentry', attachTo })
    expect(helperProbeAllowed(helper, fentry('vfs_read'))).toBe(true)
    expect(helperProbeAllowed(helper, fentry('vfs_write'))).toBe(false)
    expect(helperProbeAllowed(helper, user('lsm', { attachType: 'lsm_mac' }))).toBe(true)
    expect(helperProbeAllowed(helper, user('xdp'))).toBe(false)
    expect(helperProbeAllowed(base, user('xdp'))).toBe(true)
  })
})

describe('helperFor', () => {
  it('replaces fields by the first variant that matches', () => {
    const helper: HelperDef = {
      ...base,
      gplOnly: true,
      variants: [
        { programTypes: ['kprobe'], attachTypes: ['trace_kprobe_multi'], gplOnly: false },
        { programTypes: ['tracing'], args: [{ kind: 'ctx' }] },
      ],
    }
    expect(helperFor(helper, user('kprobe'))).toBe(helper)
    expect(helperFor(helper, user('kprobe', { attachType: 'trace_kprobe_multi' })).gplOnly).toBe(false)
    expect(helperFor(helper, user('tracing'))).toMatchObject({
      name: 'bpf_x',
      gplOnly: true,
      args: [{ kind: 'ctx' }],
    })
    expect(helperFor(helper, user('tracing'))).not.toHaveProperty('programTypes')
  })
})

describe('attachTypeName', () => {
  const type = (rest: Partial<ProgramTypeDef>): ProgramTypeDef => ({
    name: 'x',
    id: 1,
    context: { kind: 'raw', name: 'x', size: 0 },
    ...rest,
  })

  it('knows names and numbers, and lets the rest pass where the type does not mind', () => {
    const loose = type({ attachTypes: { b: { id: 2 } } })
    expect([attachTypeName(loose, 2), attachTypeName(loose, 'b'), attachTypeName(loose, 3)]).toEqual([
      'b',
      'b',
      undefined,
    ])
    expect(attachTypeName(loose, undefined)).toBe(undefined)
  })

  it('refuses the rest where the type minds', () => {
    const strict = type({ strictAttachType: true, attachTypes: { b: { id: 2 } } })
    expect([attachTypeName(strict, 2), attachTypeName(strict, 3), attachTypeName(strict, 0)]).toEqual([
      'b',
      false,
      false,
    ])
    expect(attachTypeName({ ...strict, zeroAttachType: 'b' }, 0)).toBe('b')
    expect(attachTypeName(type({ strictAttachType: true }), 0)).toBe(undefined)
    expect(attachTypeName(type({ strictAttachType: true }), 1)).toBe(false)
  })
})
