import type { HelperDef } from '@skep/registry'
import { ADDRESS, btf, helper, OUT, PROBES, READ, RESULT, SIZE, SIZE_OR_ZERO, U64 } from './kinds.ts'

export const probeHelpers: readonly HelperDef[] = [
  helper(4, 'bpf_probe_read', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: [...PROBES, 'syscall', 'tracing', 'lsm'],
    gplOnly: true,
  }),
  helper(36, 'bpf_probe_write_user', { dst: ADDRESS, src: READ, len: SIZE }, RESULT, {
    programTypes: [...PROBES, 'tracing', 'lsm', 'syscall'],
    gplOnly: true,
    feature: 'WRITE_USER',
  }),
  helper(45, 'bpf_probe_read_str', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: [...PROBES, 'syscall', 'tracing', 'lsm'],
    gplOnly: true,
    verify: { boundedBySizeArg: 1 },
  }),
  helper(112, 'bpf_probe_read_user', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
  }),
  helper(113, 'bpf_probe_read_kernel', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
  }),
  helper(114, 'bpf_probe_read_user_str', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
    verify: { boundedBySizeArg: 1 },
  }),
  helper(115, 'bpf_probe_read_kernel_str', { dst: OUT, size: SIZE_OR_ZERO, unsafe_ptr: ADDRESS }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
    verify: { boundedBySizeArg: 1 },
  }),
  helper(148, 'bpf_copy_from_user', { dst: OUT, size: SIZE_OR_ZERO, user_ptr: ADDRESS }, RESULT, {
    programTypes: 'all',
    mightSleep: true,
    capability: 'perfmon',
  }),
  helper(
    191,
    'bpf_copy_from_user_task',
    { dst: OUT, size: SIZE_OR_ZERO, user_ptr: ADDRESS, tsk: btf('task_struct'), flags: U64 },
    RESULT,
    { programTypes: 'all', gplOnly: true, mightSleep: true, capability: 'perfmon' },
  ),
]
