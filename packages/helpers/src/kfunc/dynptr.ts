import type { KfuncDef } from '@skep/registry'
import { kfuncs, SCHED_ACT, SCHED_CLS, SKB, TRACING, XDP } from './kinds.ts'

export const dynptrKfuncs: readonly KfuncDef[] = [
  ...kfuncs('bpf_dynptr_slice', ['ret_null'], 'all', { verify: { result: 'dynptr_slice' } }),
  ...kfuncs('bpf_dynptr_slice_rdwr', ['ret_null'], 'all', { verify: { result: 'dynptr_slice_rdwr' } }),
  ...kfuncs(
    `bpf_dynptr_adjust bpf_dynptr_is_null bpf_dynptr_is_rdonly bpf_dynptr_size bpf_dynptr_copy bpf_dynptr_memset`,
    [],
    'all',
  ),
  ...kfuncs('bpf_dynptr_clone', [], 'all', { verify: { dynptr: 'clone' } }),
  ...kfuncs('bpf_dynptr_from_skb', ['trusted_args'], [...SKB, ...TRACING], { verify: { dynptr: 'skb' } }),
  ...kfuncs('bpf_dynptr_from_skb_meta', ['trusted_args'], [...SCHED_CLS, ...SCHED_ACT], {
    verify: { dynptr: 'skb_meta' },
  }),
  ...kfuncs('bpf_dynptr_from_xdp', [], XDP, { verify: { dynptr: 'xdp' } }),
  ...kfuncs(
    `bpf_probe_read_user_dynptr bpf_probe_read_kernel_dynptr bpf_probe_read_user_str_dynptr
     bpf_probe_read_kernel_str_dynptr`,
    [],
    'all',
  ),
  ...kfuncs('bpf_copy_from_user_dynptr bpf_copy_from_user_str_dynptr', ['sleepable'], 'all'),
  ...kfuncs(
    'bpf_copy_from_user_task_dynptr bpf_copy_from_user_task_str_dynptr',
    ['sleepable', 'trusted_args'],
    'all',
  ),
]
