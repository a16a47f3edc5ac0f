import type { HelperDef } from '@skep/registry'
import { CTX, helper, I32, READ, RESULT, SIZE, U32, U64, WRITE } from './kinds.ts'

export const sockOpsHelpers: readonly HelperDef[] = [
  helper(59, 'bpf_sock_ops_cb_flags_set', { bpf_sock: CTX, argval: I32 }, RESULT, {
    programTypes: ['sock_ops'],
  }),
  helper(142, 'bpf_load_hdr_opt', { skops: CTX, searchby_res: WRITE, len: SIZE, flags: U64 }, RESULT, {
    programTypes: ['sock_ops'],
  }),
  helper(143, 'bpf_store_hdr_opt', { skops: CTX, from: READ, len: SIZE, flags: U64 }, RESULT, {
    programTypes: ['sock_ops'],
    changesPacketData: true,
  }),
  helper(144, 'bpf_reserve_hdr_opt', { skops: CTX, len: U32, flags: U64 }, RESULT, {
    programTypes: ['sock_ops'],
  }),
]
