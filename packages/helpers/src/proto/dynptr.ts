import type { HelperDef } from '@skep/registry'
import { ALLOC_SIZE, helper, OUT, READ, RESULT, SIZE_OR_ZERO, U32, U64 } from './kinds.ts'

export const dynptrHelpers: readonly HelperDef[] = [
  helper(
    197,
    'bpf_dynptr_from_mem',
    {
      data: { ...OUT, mapValueOnly: true },
      size: SIZE_OR_ZERO,
      flags: U64,
      ptr: { kind: 'dynptr', dynptr: ['local'], access: 'write', uninit: true },
    },
    RESULT,
    { programTypes: 'all', capability: 'bpf', verify: { dynptr: 'create' } },
  ),
  helper(
    201,
    'bpf_dynptr_read',
    { dst: OUT, len: SIZE_OR_ZERO, src: { kind: 'dynptr', access: 'read' }, offset: U32, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'bpf' },
  ),
  helper(
    202,
    'bpf_dynptr_write',
    { dst: { kind: 'dynptr', access: 'read' }, offset: U32, src: READ, len: SIZE_OR_ZERO, flags: U64 },
    RESULT,
    { programTypes: 'all', capability: 'bpf', verify: { writesDynptr: true } },
  ),
  helper(
    203,
    'bpf_dynptr_data',
    { ptr: { kind: 'dynptr', access: 'read' }, offset: U32, len: ALLOC_SIZE },
    { kind: 'mem', nullable: true, sizeArg: 2, js: 'address' },
    { programTypes: 'all', capability: 'bpf', verify: { dynptr: 'data' } },
  ),
]
