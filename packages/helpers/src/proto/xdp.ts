import type { HelperDef } from '@skep/registry'
import { btf, CTX, helper, I32, named, OUT, READ, RESULT, SIZE, U32, U64_RESULT } from './kinds.ts'

export const xdpHelpers: readonly HelperDef[] = [
  helper(44, 'bpf_xdp_adjust_head', { xdp_md: CTX, delta: I32 }, RESULT, {
    programTypes: ['xdp'],
    changesPacketData: true,
  }),
  helper(54, 'bpf_xdp_adjust_meta', { xdp_md: CTX, delta: I32 }, RESULT, {
    programTypes: ['xdp'],
    changesPacketData: true,
  }),
  helper(65, 'bpf_xdp_adjust_tail', { xdp_md: CTX, delta: I32 }, RESULT, {
    programTypes: ['xdp'],
    changesPacketData: true,
  }),
  helper(188, 'bpf_xdp_get_buff_len', { xdp_md: CTX }, U64_RESULT, {
    programTypes: ['syscall', 'tracing', 'xdp', 'lsm'],
    variants: [{ programTypes: ['tracing', 'syscall', 'lsm'], args: named({ xdp_md: btf('xdp_buff') }) }],
  }),
  helper(189, 'bpf_xdp_load_bytes', { xdp_md: CTX, offset: U32, buf: OUT, len: SIZE }, RESULT, {
    programTypes: ['xdp'],
  }),
  helper(190, 'bpf_xdp_store_bytes', { xdp_md: CTX, offset: U32, buf: READ, len: SIZE }, RESULT, {
    programTypes: ['xdp'],
  }),
]
