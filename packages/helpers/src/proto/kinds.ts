import type { ArgDesc, CallbackKind, HelperDef, RetDesc } from '@skep/registry'

/** Arguments as `struct bpf_func_proto` describes them: the kernel's name for each is in the comment. */

/** ARG_ANYTHING, by how C declares it. */
export const U32: ArgDesc = { kind: 'anything', js: 'u32' }
export const I32: ArgDesc = { kind: 'anything', js: 'i32' }
export const U64: ArgDesc = { kind: 'anything', js: 'u64' }
export const I64: ArgDesc = { kind: 'anything', js: 'i64' }
/** ARG_ANYTHING that is an address which the helper does not trust. */
export const ADDRESS: ArgDesc = { kind: 'anything', js: 'address' }
/** ARG_PTR_TO_CTX. */
export const CTX: ArgDesc = { kind: 'ctx' }
/** ARG_CONST_MAP_PTR. */
export const MAP: ArgDesc = { kind: 'const_map_ptr' }
/** ARG_PTR_TO_MAP_KEY. */
export const KEY: ArgDesc = { kind: 'map_key', access: 'read' }
/** ARG_PTR_TO_MAP_VALUE. */
export const VALUE: ArgDesc = { kind: 'map_value', access: 'read' }
/** ARG_PTR_TO_MAP_VALUE_OR_NULL. */
export const VALUE_OR_NULL: ArgDesc = { ...VALUE, nullable: true }
/** ARG_PTR_TO_MAP_VALUE | MEM_UNINIT | MEM_WRITE. */
export const VALUE_OUT: ArgDesc = { kind: 'map_value', access: 'write', uninit: true }
/** ARG_PTR_TO_MEM | MEM_RDONLY. */
export const READ: ArgDesc = { kind: 'mem', access: 'read' }
/** ARG_PTR_TO_MEM | MEM_WRITE: must be initialised before. */
export const WRITE: ArgDesc = { kind: 'mem', access: 'write' }
/** ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE. */
export const OUT: ArgDesc = { kind: 'mem', access: 'write', uninit: true }
/** ARG_CONST_SIZE. */
export const SIZE: ArgDesc = { kind: 'const_size' }
/** ARG_CONST_SIZE_OR_ZERO. */
export const SIZE_OR_ZERO: ArgDesc = { kind: 'const_size_or_zero' }
/** ARG_CONST_ALLOC_SIZE_OR_ZERO. */
export const ALLOC_SIZE: ArgDesc = { kind: 'const_alloc_size_or_zero' }
/** ARG_PTR_TO_CONST_STR. */
export const STR: ArgDesc = { kind: 'const_str' }
/** ARG_PTR_TO_BTF_ID_SOCK_COMMON. */
export const SOCK: ArgDesc = { kind: 'btf_id_sock_common' }
/** ARG_PTR_TO_STACK_OR_NULL: what a callback gets as its context. */
export const CALLBACK_CTX: ArgDesc = { kind: 'stack', nullable: true }

export const map = (...mapTypes: readonly string[]): ArgDesc => ({ kind: 'const_map_ptr', mapTypes })
/** ARG_PTR_TO_BTF_ID of one kernel struct. */
export const btf = (struct: string): ArgDesc => ({ kind: 'btf_id', btf: [struct] })
/** ARG_PTR_TO_FUNC. */
export const callback = (kind: CallbackKind): ArgDesc => ({ kind: 'func', callback: kind })

/** RET_INTEGER, by how C declares it: `long`, a count or a negative errno; u32; u64; s64. */
export const RESULT: RetDesc = { kind: 'integer', js: 'i32' }
export const U32_RESULT: RetDesc = { kind: 'integer', js: 'u32' }
export const U64_RESULT: RetDesc = { kind: 'integer', js: 'u64' }
export const I64_RESULT: RetDesc = { kind: 'integer', js: 'i64' }
export const VOID: RetDesc = { kind: 'void' }
/** RET_PTR_TO_MAP_VALUE. */
export const VALUE_RESULT: RetDesc = { kind: 'map_value', js: 'address' }
export const VALUE_RESULT_OR_NULL: RetDesc = { kind: 'map_value', nullable: true, js: 'address' }

/** Program types that come together in the kernel's get_func_proto functions. */
export const CLS: readonly string[] = ['sched_cls', 'sched_act']
export const LWT: readonly string[] = ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local']
export const PROBES: readonly string[] = [
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'perf_event',
]

/** bpf_sk_base_func_proto: program types about packets and sockets. */
export const SK_BASE: readonly string[] = [
  ...CLS,
  ...LWT,
  'cgroup_skb',
  'cgroup_sock_addr',
  'flow_dissector',
  'sk_lookup',
  'sk_msg',
  'sk_skb',
  'sock_ops',
  'socket_filter',
  'xdp',
]

/** Arguments in the order of the registers, by their C names. */
export const named = (args: Readonly<Record<string, ArgDesc>>): readonly ArgDesc[] =>
  Object.entries(args).map(([name, desc]) => ({ ...desc, name }))

/** A prototype; `args` in the order of the registers, by their C names. */
export const helper = (
  id: number,
  name: string,
  args: Readonly<Record<string, ArgDesc>>,
  returns: RetDesc,
  rest: Omit<HelperDef, 'id' | 'name' | 'args' | 'returns'>,
): HelperDef => ({
  id,
  name,
  args: named(args),
  returns,
  ...rest,
})
