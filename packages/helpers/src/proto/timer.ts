import type { HelperDef } from '@skep/registry'
import { callback, helper, MAP, RESULT, U64 } from './kinds.ts'

export const timerHelpers: readonly HelperDef[] = [
  helper(169, 'bpf_timer_init', { timer: { kind: 'timer' }, map: MAP, flags: U64 }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'bpf',
  }),
  helper(
    170,
    'bpf_timer_set_callback',
    { timer: { kind: 'timer' }, callback_fn: callback('timer') },
    RESULT,
    { programTypes: 'all', gplOnly: true, capability: 'bpf' },
  ),
  helper(171, 'bpf_timer_start', { timer: { kind: 'timer' }, nsecs: U64, flags: U64 }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'bpf',
  }),
  helper(172, 'bpf_timer_cancel', { timer: { kind: 'timer' } }, RESULT, {
    programTypes: 'all',
    gplOnly: true,
    capability: 'bpf',
  }),
]
