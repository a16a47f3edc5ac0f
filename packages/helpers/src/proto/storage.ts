import type { HelperDef } from '@skep/registry'
import {
  btf,
  CLS,
  CTX,
  helper,
  map,
  named,
  RESULT,
  SOCK,
  U32,
  U64,
  VALUE_OR_NULL,
  VALUE_RESULT_OR_NULL,
} from './kinds.ts'

/** bpf_sk_storage_tracing_allowed (net/core/bpf_sk_storage.c). */
const SK_STORAGE_PROBES: Readonly<Record<string, true>> = {
  'tracing/trace_raw_tp': true,
  'tracing/trace_iter': true,
  'tracing/trace_fentry': true,
  'tracing/trace_fexit': true,
  ...Object.fromEntries(
    [
      ...CLS,
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'lsm',
    ].map((type) => [type, true] as const),
  ),
}

export const storageHelpers: readonly HelperDef[] = [
  helper(
    107,
    'bpf_sk_storage_get',
    { map: map('sk_storage'), sk: SOCK, value: VALUE_OR_NULL, flags: U64 },
    VALUE_RESULT_OR_NULL,
    {
      programTypes: [
        ...CLS,
        'cgroup_skb',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'sk_msg',
        'sock_ops',
        'struct_ops',
        'syscall',
        'tracing',
        'lsm',
      ],
      attachTo: { struct_ops: ['tcp_congestion_ops'] },
      probe: SK_STORAGE_PROBES,
      variants: [
        {
          programTypes: ['cgroup_sock'],
          args: named({ map: map('sk_storage'), sk: CTX, value: VALUE_OR_NULL, flags: U64 }),
        },
        {
          programTypes: ['tracing', 'syscall'],
          args: named({
            map: map('sk_storage'),
            sk: { ...btf('sock_common'), nullable: true },
            value: VALUE_OR_NULL,
            flags: U64,
          }),
        },
      ],
    },
  ),
  helper(108, 'bpf_sk_storage_delete', { map: map('sk_storage'), sk: SOCK }, RESULT, {
    programTypes: [
      ...CLS,
      'cgroup_skb',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'syscall',
      'tracing',
      'lsm',
    ],
    attachTo: { struct_ops: ['tcp_congestion_ops'] },
    probe: SK_STORAGE_PROBES,
    variants: [
      {
        programTypes: ['tracing', 'syscall'],
        args: named({ map: map('sk_storage'), sk: { ...btf('sock_common'), nullable: true } }),
      },
    ],
  }),
  helper(
    145,
    'bpf_inode_storage_get',
    {
      map: map('inode_storage'),
      inode: { ...btf('inode'), nullable: true },
      value: VALUE_OR_NULL,
      flags: U64,
    },
    VALUE_RESULT_OR_NULL,
    { programTypes: ['lsm'] },
  ),
  helper(
    146,
    'bpf_inode_storage_delete',
    { map: map('inode_storage'), inode: { ...btf('inode'), nullable: true } },
    RESULT,
    { programTypes: ['lsm'] },
  ),
  helper(
    156,
    'bpf_task_storage_get',
    {
      map: map('task_storage'),
      task: { ...btf('task_struct'), nullable: true },
      value: VALUE_OR_NULL,
      flags: U64,
    },
    VALUE_RESULT_OR_NULL,
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    157,
    'bpf_task_storage_delete',
    { map: map('task_storage'), task: { ...btf('task_struct'), nullable: true } },
    RESULT,
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    210,
    'bpf_cgrp_storage_get',
    {
      map: map('cgrp_storage'),
      cgroup: { ...btf('cgroup'), nullable: true },
      value: VALUE_OR_NULL,
      flags: U32,
    },
    VALUE_RESULT_OR_NULL,
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    211,
    'bpf_cgrp_storage_delete',
    { map: map('cgrp_storage'), cgroup: { ...btf('cgroup'), nullable: true } },
    RESULT,
    { programTypes: 'all', capability: 'bpf' },
  ),
]
