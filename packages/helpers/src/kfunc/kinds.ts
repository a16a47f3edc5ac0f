import type { KfuncDef, KfuncFlag } from '@skep/registry'

/** Program types by the hook under which the kernel registers functions for them (bpf_prog_type_to_kfunc_hook). */
export const TRACING: readonly string[] = ['tracing', 'tracepoint', 'perf_event', 'lsm']
export const XDP: readonly string[] = ['xdp']
export const SCHED_CLS: readonly string[] = ['sched_cls']
export const SCHED_ACT: readonly string[] = ['sched_act']
export const STRUCT_OPS: readonly string[] = ['struct_ops']
export const SYSCALL: readonly string[] = ['syscall']
export const KPROBE: readonly string[] = ['kprobe']
export const LSM: readonly string[] = ['lsm']
export const CGROUP: readonly string[] = [
  'cgroup_skb',
  'cgroup_sock',
  'cgroup_device',
  'cgroup_sock_addr',
  'cgroup_sockopt',
  'cgroup_sysctl',
  'sock_ops',
]
export const LWT: readonly string[] = ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local']
/** Those whose context is a struct __sk_buff. */
export const SKB: readonly string[] = [
  ...SCHED_CLS,
  ...SCHED_ACT,
  'sk_skb',
  'socket_filter',
  ...CGROUP,
  ...LWT,
  'netfilter',
]

type Rest = Omit<KfuncDef, 'name' | 'flags' | 'programTypes'>

/** Functions with the same flags and the same users. */
export const kfuncs = (
  names: string,
  flags: readonly KfuncFlag[],
  programTypes: 'all' | readonly string[],
  rest: Rest = {},
): readonly KfuncDef[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, flags, programTypes, ...rest }))
