import type { HelperDef } from '@skep/registry'
import {
  ALLOC_SIZE,
  CALLBACK_CTX,
  callback,
  helper,
  map,
  READ,
  RESULT,
  SIZE_OR_ZERO,
  U32,
  U64,
  U64_RESULT,
  VOID,
} from './kinds.ts'

export const ringbufHelpers: readonly HelperDef[] = [
  helper(
    130,
    'bpf_ringbuf_output',
    { ringbuf: map('ringbuf'), data: READ, size: SIZE_OR_ZERO, flags: U64 },
    RESULT,
    { programTypes: 'all' },
  ),
  helper(
    131,
    'bpf_ringbuf_reserve',
    { ringbuf: map('ringbuf'), size: ALLOC_SIZE, flags: U64 },
    { kind: 'mem', nullable: true, acquire: true, ringbuf: true, sizeArg: 1, js: 'address' },
    { programTypes: 'all' },
  ),
  helper(132, 'bpf_ringbuf_submit', { data: { kind: 'ringbuf_mem', release: true }, flags: U64 }, VOID, {
    programTypes: 'all',
  }),
  helper(133, 'bpf_ringbuf_discard', { data: { kind: 'ringbuf_mem', release: true }, flags: U64 }, VOID, {
    programTypes: 'all',
  }),
  helper(134, 'bpf_ringbuf_query', { ringbuf: map('ringbuf'), flags: U64 }, U64_RESULT, {
    programTypes: 'all',
  }),
  helper(
    198,
    'bpf_ringbuf_reserve_dynptr',
    {
      ringbuf: map('ringbuf'),
      size: U32,
      flags: U64,
      ptr: { kind: 'dynptr', dynptr: ['ringbuf'], access: 'write', uninit: true },
    },
    RESULT,
    { programTypes: 'all', capability: 'bpf', verify: { dynptr: 'create' } },
  ),
  helper(
    199,
    'bpf_ringbuf_submit_dynptr',
    { ptr: { kind: 'dynptr', dynptr: ['ringbuf'], release: true }, flags: U64 },
    VOID,
    { programTypes: 'all', capability: 'bpf', verify: { dynptr: 'release' } },
  ),
  helper(
    200,
    'bpf_ringbuf_discard_dynptr',
    { ptr: { kind: 'dynptr', dynptr: ['ringbuf'], release: true }, flags: U64 },
    VOID,
    { programTypes: 'all', capability: 'bpf', verify: { dynptr: 'release' } },
  ),
  helper(
    209,
    'bpf_user_ringbuf_drain',
    { map: map('user_ringbuf'), callback_fn: callback('user_ringbuf_drain'), ctx: CALLBACK_CTX, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'bpf' },
  ),
]
