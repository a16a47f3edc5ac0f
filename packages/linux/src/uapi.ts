import { ATTACH_TYPES } from '@skep/registry'

// Numbers of include/uapi/linux/bpf.h at Linux 6.18, in the order of its enums.

const numbers = (list: string): Readonly<Record<string, number>> =>
  Object.freeze(Object.fromEntries(list.split(' ').map((name, i) => [name, i])))

/** enum bpf_map_type: names without BPF_MAP_TYPE_, lower case. */
export const mapTypes: Readonly<Record<string, number>> = numbers(
  'unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash ' +
    'lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage ' +
    'reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage ' +
    'task_storage bloom_filter user_ringbuf cgrp_storage arena insn_array',
)

/** enum bpf_prog_type: names without BPF_PROG_TYPE_, lower case. */
export const programTypes: Readonly<Record<string, number>> = numbers(
  'unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock lwt_in lwt_out ' +
    'lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2 ' +
    'sk_reuseport flow_dissector cgroup_sysctl raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm ' +
    'sk_lookup syscall netfilter',
)

/** enum bpf_attach_type: names without BPF_, lower case. */
export const attachTypes: Readonly<Record<string, number>> = numbers(ATTACH_TYPES.join(' '))

/** Commands of bpf(2): enum bpf_cmd. */
export const commands = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_ATTACH: 8,
  BPF_PROG_DETACH: 9,
  BPF_PROG_TEST_RUN: 10,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_PROG_GET_FD_BY_ID: 13,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_PROG_QUERY: 16,
  BPF_RAW_TRACEPOINT_OPEN: 17,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_TASK_FD_QUERY: 20,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: 21,
  BPF_MAP_FREEZE: 22,
  BPF_BTF_GET_NEXT_ID: 23,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: 25,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_MAP_DELETE_BATCH: 27,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_LINK_GET_FD_BY_ID: 30,
  BPF_LINK_GET_NEXT_ID: 31,
  BPF_ITER_CREATE: 33,
} as const

export type Command = keyof typeof commands

/** The number of a type given by name or number; undefined when the name is unknown. */
export const numberOf = (
  table: Readonly<Record<string, number>>,
  type: string | number,
): number | undefined =>
  typeof type === 'number' ? type : Object.hasOwn(table, type) ? table[type] : undefined

/** Values of a per-CPU map: one per possible CPU, each rounded up to 8 bytes. */
export const isPerCpuMap = (type: number): boolean => perCpu.has(type)

const perCpu: ReadonlySet<number> = new Set(
  Object.entries(mapTypes).flatMap(([name, n]) => (name.includes('percpu') ? [n] : [])),
)

/** enum bpf_link_type: names as bpftool prints them. */
export const linkTypes: readonly string[] = [
  'unspec',
  'raw_tracepoint',
  'tracing',
  'cgroup',
  'iter',
  'netns',
  'xdp',
  'perf_event',
  'kprobe_multi',
  'struct_ops',
  'netfilter',
  'tcx',
  'uprobe_multi',
  'netkit',
  'sockmap',
]

/** The name of a number in one of the tables, or the number as text. */
export const nameOf = (table: Readonly<Record<string, number>>, number: number): string =>
  Object.keys(table)[number] ?? String(number)
