import type { HelperDef } from '@skep/registry'
import { CALLBACK_CTX, CTX, callback, helper, map, RESULT, U32, U64, VOID } from './kinds.ts'

export const controlHelpers: readonly HelperDef[] = [
  helper(12, 'bpf_tail_call', { ctx: CTX, prog_array_map: map('prog_array'), index: U32 }, VOID, {
    programTypes: 'all',
    changesPacketData: true,
    tailCall: true,
  }),
  helper(93, 'bpf_spin_lock', { lock: { kind: 'spin_lock' } }, VOID, {
    programTypes: 'all',
    capability: 'bpf',
    verify: { lock: 'acquire' },
  }),
  helper(94, 'bpf_spin_unlock', { lock: { kind: 'spin_lock' } }, VOID, {
    programTypes: 'all',
    capability: 'bpf',
    verify: { lock: 'release' },
  }),
  helper(
    153,
    'bpf_per_cpu_ptr',
    { percpu_ptr: { kind: 'percpu_btf_id' }, cpu: U32 },
    { kind: 'mem_or_btf_id', readonly: true, nullable: true, js: 'address' },
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    154,
    'bpf_this_cpu_ptr',
    { percpu_ptr: { kind: 'percpu_btf_id' } },
    { kind: 'mem_or_btf_id', readonly: true, js: 'address' },
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    181,
    'bpf_loop',
    { nr_loops: U32, callback_fn: callback('loop'), callback_ctx: CALLBACK_CTX, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    194,
    'bpf_kptr_xchg',
    { map_value: { kind: 'kptr_xchg_dest' }, ptr: { kind: 'btf_id', nullable: true, release: true } },
    { kind: 'kptr', nullable: true, acquire: true, js: 'address' },
    { programTypes: 'all', capability: 'bpf' },
  ),
]
