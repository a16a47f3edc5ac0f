import type { HelperDef } from '@skep/registry'
import { CLS, CTX, helper, I32, map, READ, RESULT, SIZE, SIZE_OR_ZERO, U32, U64, WRITE } from './kinds.ts'

export const redirectHelpers: readonly HelperDef[] = [
  helper(13, 'bpf_clone_redirect', { skb: CTX, ifindex: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
    changesPacketData: true,
  }),
  helper(23, 'bpf_redirect', { ifindex: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit', 'xdp'],
  }),
  helper(
    51,
    'bpf_redirect_map',
    { map: map('devmap', 'devmap_hash', 'cpumap', 'xskmap'), key: U32, flags: U64 },
    RESULT,
    { programTypes: ['xdp'], mapOp: 'redirect' },
  ),
  helper(69, 'bpf_fib_lookup', { ctx: CTX, params: WRITE, plen: SIZE, flags: U32 }, RESULT, {
    programTypes: [...CLS, 'xdp'],
    gplOnly: true,
  }),
  helper(
    152,
    'bpf_redirect_neigh',
    { ifindex: U32, params: { ...READ, nullable: true }, plen: SIZE_OR_ZERO, flags: U64 },
    RESULT,
    { programTypes: [...CLS] },
  ),
  helper(155, 'bpf_redirect_peer', { ifindex: U32, flags: U64 }, RESULT, { programTypes: [...CLS] }),
  helper(
    163,
    'bpf_check_mtu',
    { ctx: CTX, ifindex: U32, mtu_len: { ...WRITE, size: 4, aligned: true }, len_diff: I32, flags: U64 },
    RESULT,
    { programTypes: [...CLS, 'xdp'], gplOnly: true },
  ),
]
