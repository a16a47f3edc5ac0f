import { type HelperDef, SLEEPABLE_LSM_HOOKS } from '@skep/registry'
import {
  btf,
  CTX,
  helper,
  I32,
  map,
  OUT,
  PROBES,
  READ,
  RESULT,
  SIZE,
  SIZE_OR_ZERO,
  U32,
  U64,
  U64_RESULT,
  WRITE,
} from './kinds.ts'

/** Attach types whose programs a trampoline enters (bpf_prog_has_trampoline). */
const TRAMPOLINE: readonly string[] = ['trace_fentry', 'trace_fexit', 'modify_return']
/** Attach types of kprobe programs that many functions share. */
const MULTI: readonly string[] = [
  'trace_kprobe_multi',
  'trace_kprobe_session',
  'trace_uprobe_multi',
  'trace_uprobe_session',
]
/** btf_allowlist_d_path (kernel/trace/bpf_trace.c). */
const D_PATH_FUNCTIONS: readonly string[] = [
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
]
const D_PATH_PROBES: Readonly<Record<string, true | readonly string[]>> = {
  'tracing/trace_iter': true,
  'tracing/trace_fentry': D_PATH_FUNCTIONS,
  'tracing/trace_fexit': D_PATH_FUNCTIONS,
  'tracing/modify_return': D_PATH_FUNCTIONS,
  lsm: SLEEPABLE_LSM_HOOKS,
}

export const tracingHelpers: readonly HelperDef[] = [
  helper(27, 'bpf_get_stackid', { ctx: CTX, map: map('stack_trace'), flags: U64 }, RESULT, {
    programTypes: [...PROBES, 'syscall', 'tracing', 'lsm'],
    gplOnly: true,
    variants: [{ programTypes: ['perf_event'], gplOnly: false }],
  }),
  helper(58, 'bpf_override_return', { regs: CTX, rc: U64 }, RESULT, {
    programTypes: ['kprobe'],
    gplOnly: true,
    feature: 'BPF_KPROBE_OVERRIDE',
  }),
  helper(67, 'bpf_get_stack', { ctx: CTX, buf: OUT, size: SIZE_OR_ZERO, flags: U64 }, RESULT, {
    programTypes: [...PROBES, 'syscall', 'tracing', 'lsm'],
    gplOnly: true,
    verify: { boundedBySizeArg: 2 },
  }),
  helper(
    126,
    'bpf_seq_printf',
    {
      m: btf('seq_file'),
      fmt: READ,
      fmt_size: SIZE,
      data: { ...READ, nullable: true },
      data_len: SIZE_OR_ZERO,
    },
    RESULT,
    { programTypes: ['tracing'], gplOnly: true, attachTypes: { tracing: ['trace_iter'] } },
  ),
  helper(127, 'bpf_seq_write', { m: btf('seq_file'), data: READ, len: SIZE_OR_ZERO }, RESULT, {
    programTypes: ['tracing'],
    gplOnly: true,
    attachTypes: { tracing: ['trace_iter'] },
  }),
  helper(147, 'bpf_d_path', { path: btf('path'), buf: WRITE, sz: SIZE_OR_ZERO }, RESULT, {
    programTypes: ['syscall', 'tracing', 'lsm'],
    probe: D_PATH_PROBES,
  }),
  helper(
    150,
    'bpf_seq_printf_btf',
    { m: btf('seq_file'), ptr: READ, ptr_size: SIZE_OR_ZERO, flags: U64 },
    RESULT,
    { programTypes: ['tracing'], gplOnly: true, attachTypes: { tracing: ['trace_iter'] } },
  ),
  helper(173, 'bpf_get_func_ip', { ctx: CTX }, U64_RESULT, {
    programTypes: [...PROBES, 'syscall', 'tracing', 'lsm'],
    gplOnly: true,
    verify: { callers: { kprobe: true, tracing: TRAMPOLINE } },
    variants: [{ programTypes: ['kprobe'], attachTypes: MULTI, gplOnly: false }],
  }),
  helper(174, 'bpf_get_attach_cookie', { ctx: CTX }, U64_RESULT, {
    programTypes: [...PROBES, 'tracing', 'lsm'],
    attachTypes: { tracing: [...TRAMPOLINE, 'trace_raw_tp'] },
  }),
  helper(
    179,
    'bpf_kallsyms_lookup_name',
    { name: READ, name_sz: SIZE_OR_ZERO, flags: I32, res: { ...OUT, size: 8, aligned: true } },
    RESULT,
    { programTypes: ['syscall'] },
  ),
  helper(183, 'bpf_get_func_arg', { ctx: CTX, n: U32, value: { ...OUT, size: 8, aligned: true } }, RESULT, {
    programTypes: ['tracing', 'lsm'],
    attachTypes: { tracing: TRAMPOLINE },
  }),
  helper(184, 'bpf_get_func_ret', { ctx: CTX, value: { ...OUT, size: 8, aligned: true } }, RESULT, {
    programTypes: ['tracing', 'lsm'],
    attachTypes: { tracing: TRAMPOLINE },
  }),
  helper(185, 'bpf_get_func_arg_cnt', { ctx: CTX }, RESULT, {
    programTypes: ['tracing', 'lsm'],
    attachTypes: { tracing: TRAMPOLINE },
  }),
]
