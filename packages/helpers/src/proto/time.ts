import type { HelperDef } from '@skep/registry'
import { helper, SK_BASE, U64_RESULT } from './kinds.ts'

export const timeHelpers: readonly HelperDef[] = [
  helper(5, 'bpf_ktime_get_ns', {}, U64_RESULT, { programTypes: 'all' }),
  helper(118, 'bpf_jiffies64', {}, U64_RESULT, { programTypes: 'all', capability: 'bpf' }),
  helper(125, 'bpf_ktime_get_boot_ns', {}, U64_RESULT, { programTypes: 'all' }),
  helper(160, 'bpf_ktime_get_coarse_ns', {}, U64_RESULT, {
    programTypes: [...SK_BASE, 'cgroup_sock', 'cgroup_sysctl', 'sk_reuseport', 'struct_ops'],
    attachTo: { struct_ops: ['tcp_congestion_ops'] },
  }),
  helper(208, 'bpf_ktime_get_tai_ns', {}, U64_RESULT, { programTypes: 'all' }),
]
