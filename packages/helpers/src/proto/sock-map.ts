import type { HelperDef } from '@skep/registry'
import { CTX, helper, KEY, map, RESULT, U32, U64 } from './kinds.ts'

export const sockMapHelpers: readonly HelperDef[] = [
  helper(52, 'bpf_sk_redirect_map', { skb: CTX, map: map('sockmap'), key: U32, flags: U64 }, RESULT, {
    programTypes: ['sk_skb'],
  }),
  helper(53, 'bpf_sock_map_update', { skops: CTX, map: map('sockmap'), key: KEY, flags: U64 }, RESULT, {
    programTypes: ['sock_ops'],
    pktAccess: true,
  }),
  helper(60, 'bpf_msg_redirect_map', { msg: CTX, map: map('sockmap'), key: U32, flags: U64 }, RESULT, {
    programTypes: ['sk_msg'],
  }),
  helper(61, 'bpf_msg_apply_bytes', { msg: CTX, bytes: U32 }, RESULT, { programTypes: ['sk_msg'] }),
  helper(62, 'bpf_msg_cork_bytes', { msg: CTX, bytes: U32 }, RESULT, { programTypes: ['sk_msg'] }),
  helper(63, 'bpf_msg_pull_data', { msg: CTX, start: U32, end: U32, flags: U64 }, RESULT, {
    programTypes: ['sk_msg'],
    changesPacketData: true,
  }),
  helper(70, 'bpf_sock_hash_update', { skops: CTX, map: map('sockhash'), key: KEY, flags: U64 }, RESULT, {
    programTypes: ['sock_ops'],
    pktAccess: true,
  }),
  helper(71, 'bpf_msg_redirect_hash', { msg: CTX, map: map('sockhash'), key: KEY, flags: U64 }, RESULT, {
    programTypes: ['sk_msg'],
  }),
  helper(72, 'bpf_sk_redirect_hash', { skb: CTX, map: map('sockhash'), key: KEY, flags: U64 }, RESULT, {
    programTypes: ['sk_skb'],
  }),
  helper(90, 'bpf_msg_push_data', { msg: CTX, start: U32, len: U32, flags: U64 }, RESULT, {
    programTypes: ['sk_msg'],
    changesPacketData: true,
  }),
  helper(91, 'bpf_msg_pop_data', { msg: CTX, start: U32, len: U32, flags: U64 }, RESULT, {
    programTypes: ['sk_msg'],
    changesPacketData: true,
  }),
]
