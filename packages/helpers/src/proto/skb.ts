import type { HelperDef } from '@skep/registry'
import {
  CLS,
  CTX,
  helper,
  I32,
  I64_RESULT,
  LWT,
  map,
  OUT,
  READ,
  RESULT,
  SIZE,
  SIZE_OR_ZERO,
  U32,
  U32_RESULT,
  U64,
  U64_RESULT,
} from './kinds.ts'

export const skbHelpers: readonly HelperDef[] = [
  helper(9, 'bpf_skb_store_bytes', { skb: CTX, offset: U32, from: READ, len: SIZE, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit', 'sk_skb'],
    changesPacketData: true,
  }),
  helper(10, 'bpf_l3_csum_replace', { skb: CTX, offset: U32, from: U64, to: U64, size: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
    changesPacketData: true,
  }),
  helper(11, 'bpf_l4_csum_replace', { skb: CTX, offset: U32, from: U64, to: U64, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
    changesPacketData: true,
  }),
  helper(18, 'bpf_skb_vlan_push', { skb: CTX, vlan_proto: U32, vlan_tci: U32 }, RESULT, {
    programTypes: [...CLS],
    changesPacketData: true,
  }),
  helper(19, 'bpf_skb_vlan_pop', { skb: CTX }, RESULT, { programTypes: [...CLS], changesPacketData: true }),
  helper(20, 'bpf_skb_get_tunnel_key', { skb: CTX, key: OUT, size: SIZE, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
  }),
  helper(21, 'bpf_skb_set_tunnel_key', { skb: CTX, key: READ, size: SIZE, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
  }),
  helper(24, 'bpf_get_route_realm', { skb: CTX }, U32_RESULT, { programTypes: [...CLS, ...LWT] }),
  helper(26, 'bpf_skb_load_bytes', { skb: CTX, offset: U32, to: OUT, len: SIZE }, RESULT, {
    programTypes: [...CLS, ...LWT, 'cgroup_skb', 'flow_dissector', 'sk_reuseport', 'sk_skb', 'socket_filter'],
  }),
  helper(
    28,
    'bpf_csum_diff',
    {
      from: { ...READ, nullable: true },
      from_size: SIZE_OR_ZERO,
      to: { ...READ, nullable: true },
      to_size: SIZE_OR_ZERO,
      seed: U32,
    },
    I64_RESULT,
    { programTypes: [...CLS, ...LWT, 'xdp'], pktAccess: true },
  ),
  helper(29, 'bpf_skb_get_tunnel_opt', { skb: CTX, opt: OUT, size: SIZE }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
  }),
  helper(30, 'bpf_skb_set_tunnel_opt', { skb: CTX, opt: READ, size: SIZE }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit'],
  }),
  helper(31, 'bpf_skb_change_proto', { skb: CTX, proto: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS],
    changesPacketData: true,
  }),
  helper(32, 'bpf_skb_change_type', { skb: CTX, type: U32 }, RESULT, { programTypes: [...CLS] }),
  helper(33, 'bpf_skb_under_cgroup', { skb: CTX, map: map('cgroup_array'), index: U32 }, RESULT, {
    programTypes: [...CLS, ...LWT],
  }),
  helper(34, 'bpf_get_hash_recalc', { skb: CTX }, U32_RESULT, { programTypes: [...CLS, ...LWT] }),
  helper(38, 'bpf_skb_change_tail', { skb: CTX, len: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit', 'sk_skb'],
    changesPacketData: true,
  }),
  helper(39, 'bpf_skb_pull_data', { skb: CTX, len: U32 }, RESULT, {
    programTypes: [...CLS, ...LWT, 'sk_skb'],
    changesPacketData: true,
  }),
  helper(40, 'bpf_csum_update', { skb: CTX, csum: U32 }, I64_RESULT, { programTypes: [...CLS, 'lwt_xmit'] }),
  helper(41, 'bpf_set_hash_invalid', { skb: CTX }, RESULT, { programTypes: [...CLS, 'lwt_xmit'] }),
  helper(43, 'bpf_skb_change_head', { skb: CTX, len: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'lwt_xmit', 'sk_skb'],
    changesPacketData: true,
  }),
  helper(47, 'bpf_get_socket_uid', { skb: CTX }, U32_RESULT, {
    programTypes: [...CLS, 'cgroup_skb', 'sk_skb', 'socket_filter'],
  }),
  helper(48, 'bpf_set_hash', { skb: CTX, hash: U32 }, RESULT, { programTypes: [...CLS] }),
  helper(50, 'bpf_skb_adjust_room', { skb: CTX, len_diff: I32, mode: U32, flags: U64 }, RESULT, {
    programTypes: [...CLS, 'sk_skb'],
    changesPacketData: true,
  }),
  helper(
    66,
    'bpf_skb_get_xfrm_state',
    { skb: CTX, index: U32, xfrm_state: OUT, size: SIZE, flags: U64 },
    RESULT,
    { programTypes: [...CLS] },
  ),
  helper(
    68,
    'bpf_skb_load_bytes_relative',
    { skb: CTX, offset: U32, to: OUT, len: SIZE, start_header: U32 },
    RESULT,
    { programTypes: [...CLS, 'cgroup_skb', 'sk_reuseport', 'socket_filter'] },
  ),
  helper(79, 'bpf_skb_cgroup_id', { skb: CTX }, U64_RESULT, { programTypes: [...CLS, 'cgroup_skb'] }),
  helper(83, 'bpf_skb_ancestor_cgroup_id', { skb: CTX, ancestor_level: I32 }, U64_RESULT, {
    programTypes: [...CLS, 'cgroup_skb'],
  }),
  helper(97, 'bpf_skb_ecn_set_ce', { skb: CTX }, RESULT, { programTypes: [...CLS, 'cgroup_skb'] }),
  helper(135, 'bpf_csum_level', { skb: CTX, level: U64 }, RESULT, { programTypes: [...CLS, 'lwt_xmit'] }),
  helper(151, 'bpf_skb_cgroup_classid', { skb: CTX }, U64_RESULT, { programTypes: [...CLS] }),
  helper(192, 'bpf_skb_set_tstamp', { skb: CTX, tstamp: U64, tstamp_type: U32 }, RESULT, {
    programTypes: [...CLS],
  }),
]
