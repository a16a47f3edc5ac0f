import type { HelperDef } from '@skep/registry'
import { helper, OUT, READ, RESULT, SIZE, SIZE_OR_ZERO, STR, U64, WRITE } from './kinds.ts'

export const stringHelpers: readonly HelperDef[] = [
  helper(6, 'bpf_trace_printk', { fmt: READ, fmt_size: SIZE }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'perfmon',
    variadic: true,
  }),
  helper(
    105,
    'bpf_strtol',
    { buf: READ, buf_len: SIZE, flags: U64, res: { ...OUT, size: 8, aligned: true } },
    RESULT,
    { programTypes: 'all' },
  ),
  helper(
    106,
    'bpf_strtoul',
    { buf: READ, buf_len: SIZE, flags: U64, res: { ...OUT, size: 8, aligned: true } },
    RESULT,
    { programTypes: 'all' },
  ),
  helper(
    149,
    'bpf_snprintf_btf',
    { str: WRITE, str_size: SIZE, ptr: READ, btf_ptr_size: SIZE, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'perfmon' },
  ),
  helper(
    165,
    'bpf_snprintf',
    {
      str: { ...WRITE, nullable: true },
      str_size: SIZE_OR_ZERO,
      fmt: STR,
      data: { ...READ, nullable: true },
      data_len: SIZE_OR_ZERO,
    },
    RESULT,
    { programTypes: 'all', gplOnly: true, capability: 'perfmon', verify: { format: { format: 2, size: 4 } } },
  ),
  helper(
    177,
    'bpf_trace_vprintk',
    { fmt: READ, fmt_size: SIZE, data: { ...READ, nullable: true }, data_len: SIZE_OR_ZERO },
    RESULT,
    { programTypes: 'all', gplOnly: true, capability: 'perfmon' },
  ),
  helper(182, 'bpf_strncmp', { s1: READ, s1_sz: SIZE, s2: STR }, RESULT, { programTypes: 'all' }),
]
