import type { HelperDef } from '@skep/registry'
import { CTX, helper, I32, READ, RESULT, SIZE, U32 } from './kinds.ts'

export const lwtHelpers: readonly HelperDef[] = [
  helper(73, 'bpf_lwt_push_encap', { skb: CTX, type: U32, hdr: READ, len: SIZE }, RESULT, {
    programTypes: ['lwt_in', 'lwt_xmit'],
    changesPacketData: true,
  }),
  helper(74, 'bpf_lwt_seg6_store_bytes', { skb: CTX, offset: U32, from: READ, len: SIZE }, RESULT, {
    programTypes: ['lwt_seg6local'],
    changesPacketData: true,
  }),
  helper(75, 'bpf_lwt_seg6_adjust_srh', { skb: CTX, offset: U32, delta: I32 }, RESULT, {
    programTypes: ['lwt_seg6local'],
    changesPacketData: true,
  }),
  helper(76, 'bpf_lwt_seg6_action', { skb: CTX, action: U32, param: READ, param_len: SIZE }, RESULT, {
    programTypes: ['lwt_seg6local'],
    changesPacketData: true,
  }),
]
