import type { HelperDef } from '@skep/registry'
import { CLS, helper, LWT, PROBES, RESULT, U32_RESULT } from './kinds.ts'

export const randomHelpers: readonly HelperDef[] = [
  helper(7, 'bpf_get_prandom_u32', {}, U32_RESULT, { programTypes: 'all' }),
  helper(
    8,
    'bpf_get_smp_processor_id',
    {},
    { kind: 'integer', cpu: true, js: 'u32' },
    {
      programTypes: 'all',
      // Others get bpf_get_raw_smp_processor_id_proto.
      variants: [
        { programTypes: [...CLS, ...LWT, ...PROBES, 'xdp', 'tracing', 'lsm', 'syscall'], fastcall: true },
      ],
    },
  ),
  helper(42, 'bpf_get_numa_node_id', {}, RESULT, { programTypes: 'all' }),
]
