import type { HelperDef } from '@skep/registry'
import {
  btf,
  CALLBACK_CTX,
  callback,
  helper,
  OUT,
  RESULT,
  SIZE,
  SIZE_OR_ZERO,
  U32,
  U64,
  U64_RESULT,
} from './kinds.ts'

export const taskHelpers: readonly HelperDef[] = [
  helper(14, 'bpf_get_current_pid_tgid', {}, U64_RESULT, { programTypes: 'all' }),
  helper(15, 'bpf_get_current_uid_gid', {}, U64_RESULT, { programTypes: 'all' }),
  helper(16, 'bpf_get_current_comm', { buf: OUT, size_of_buf: SIZE }, RESULT, {
    programTypes: 'all',
    capability: 'perfmon',
  }),
  helper(35, 'bpf_get_current_task', {}, U64_RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
  }),
  helper(109, 'bpf_send_signal', { sig: U32 }, RESULT, { programTypes: 'all', capability: 'perfmon' }),
  helper(117, 'bpf_send_signal_thread', { sig: U32 }, RESULT, { programTypes: 'all', capability: 'perfmon' }),
  helper(120, 'bpf_get_ns_current_pid_tgid', { dev: U64, ino: U64, nsdata: OUT, size: SIZE }, RESULT, {
    programTypes: 'all',
  }),
  helper(
    141,
    'bpf_get_task_stack',
    { task: btf('task_struct'), buf: OUT, size: SIZE_OR_ZERO, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'perfmon', verify: { boundedBySizeArg: 2 } },
  ),
  helper(
    158,
    'bpf_get_current_task_btf',
    {},
    { kind: 'btf_id', btf: 'task_struct', trusted: true, js: 'address' },
    { programTypes: 'all', gplOnly: true, capability: 'perfmon' },
  ),
  helper(
    175,
    'bpf_task_pt_regs',
    { task: btf('task_struct') },
    { kind: 'btf_id', btf: 'pt_regs', js: 'address' },
    { programTypes: 'all', gplOnly: true, capability: 'perfmon' },
  ),
  helper(
    180,
    'bpf_find_vma',
    {
      task: btf('task_struct'),
      addr: U64,
      callback_fn: callback('find_vma'),
      callback_ctx: CALLBACK_CTX,
      flags: U64,
    },
    RESULT,
    { programTypes: 'all', capability: 'perfmon' },
  ),
]
