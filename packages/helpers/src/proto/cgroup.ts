import type { HelperDef } from '@skep/registry'
import {
  CLS,
  CTX,
  helper,
  I32,
  LWT,
  map,
  named,
  OUT,
  READ,
  RESULT,
  SIZE,
  U32,
  U32_RESULT,
  U64,
  U64_RESULT,
  VALUE_RESULT,
  WRITE,
} from './kinds.ts'

/** Attach types whose programs decide a return value (cgroup_common_func_proto, kernel/bpf/cgroup.c). */
const RETVAL_ATTACH: Readonly<Record<string, readonly string[]>> = {
  cgroup_sock_addr: [
    'cgroup_inet4_bind',
    'cgroup_inet6_bind',
    'cgroup_inet4_connect',
    'cgroup_inet6_connect',
    'cgroup_udp4_sendmsg',
    'cgroup_udp6_sendmsg',
    'cgroup_unix_connect',
    'cgroup_unix_sendmsg',
  ],
  cgroup_device: ['cgroup_device'],
  cgroup_sysctl: ['cgroup_sysctl'],
  sock_ops: [],
  lsm: ['lsm_cgroup'],
}

export const cgroupHelpers: readonly HelperDef[] = [
  helper(17, 'bpf_get_cgroup_classid', {}, U32_RESULT, {
    programTypes: 'all',
    capability: 'bpf',
    variants: [{ programTypes: [...CLS, ...LWT], args: named({ skb: CTX }) }],
  }),
  helper(37, 'bpf_current_task_under_cgroup', { map: map('cgroup_array'), index: U32 }, RESULT, {
    programTypes: 'all',
    capability: 'bpf',
  }),
  helper(64, 'bpf_bind', { ctx: CTX, addr: READ, addr_len: SIZE }, RESULT, {
    programTypes: ['cgroup_sock_addr'],
    attachTypes: { cgroup_sock_addr: ['cgroup_inet4_connect', 'cgroup_inet6_connect'] },
  }),
  helper(80, 'bpf_get_current_cgroup_id', {}, U64_RESULT, { programTypes: 'all', capability: 'bpf' }),
  helper(
    81,
    'bpf_get_local_storage',
    { map: map('cgroup_storage', 'percpu_cgroup_storage'), flags: { ...U64, zero: true } },
    VALUE_RESULT,
    {
      programTypes: [
        'cgroup_device',
        'cgroup_skb',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sock_ops',
        'lsm',
      ],
      attachTypes: { lsm: ['lsm_cgroup'] },
    },
  ),
  helper(101, 'bpf_sysctl_get_name', { ctx: CTX, buf: WRITE, buf_len: SIZE, flags: U64 }, RESULT, {
    programTypes: ['cgroup_sysctl'],
  }),
  helper(102, 'bpf_sysctl_get_current_value', { ctx: CTX, buf: OUT, buf_len: SIZE }, RESULT, {
    programTypes: ['cgroup_sysctl'],
  }),
  helper(103, 'bpf_sysctl_get_new_value', { ctx: CTX, buf: OUT, buf_len: SIZE }, RESULT, {
    programTypes: ['cgroup_sysctl'],
  }),
  helper(104, 'bpf_sysctl_set_new_value', { ctx: CTX, buf: READ, buf_len: SIZE }, RESULT, {
    programTypes: ['cgroup_sysctl'],
  }),
  helper(123, 'bpf_get_current_ancestor_cgroup_id', { ancestor_level: I32 }, U64_RESULT, {
    programTypes: 'all',
    capability: 'bpf',
  }),
  helper(186, 'bpf_get_retval', {}, RESULT, {
    programTypes: [
      'cgroup_device',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'cgroup_sysctl',
      'sock_ops',
      'lsm',
    ],
    attachTypes: RETVAL_ATTACH,
  }),
  helper(187, 'bpf_set_retval', { retval: I32 }, RESULT, {
    programTypes: [
      'cgroup_device',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'cgroup_sysctl',
      'sock_ops',
      'lsm',
    ],
    attachTypes: RETVAL_ATTACH,
  }),
]
