import type { KfuncDef } from '@skep/registry'
import { CGROUP, kfuncs, SCHED_CLS, STRUCT_OPS, SYSCALL, TRACING, XDP } from './kinds.ts'

const CONNTRACK: readonly string[] = [...XDP, ...SCHED_CLS]
const TEST: readonly string[] = [...SCHED_CLS, ...TRACING, ...SYSCALL]

/** net/core/filter.c, net/core/xdp.c, net/netfilter/nf_conntrack_bpf.c, net/xfrm/xfrm_state_bpf.c, net/ipv4/. */
export const netKfuncs: readonly KfuncDef[] = [
  ...kfuncs('bpf_xdp_pull_data', [], XDP, { verify: { changesPacketData: true } }),
  ...kfuncs(
    'bpf_xdp_metadata_rx_timestamp bpf_xdp_metadata_rx_hash bpf_xdp_metadata_rx_vlan_tag',
    ['trusted_args'],
    XDP,
    { verify: { deviceBound: true } },
  ),
  ...kfuncs('bpf_sock_addr_set_sun_path', [], CGROUP, {}),
  ...kfuncs('bpf_sk_assign_tcp_reqsk', ['trusted_args'], SCHED_CLS),
  ...kfuncs('bpf_sock_ops_enable_tx_tstamp', ['trusted_args'], CGROUP),
  ...kfuncs('bpf_sock_destroy', ['trusted_args'], ['tracing'], { attachTypes: { tracing: ['trace_iter'] } }),
  ...kfuncs(
    'bpf_xdp_ct_alloc bpf_xdp_ct_lookup bpf_skb_ct_alloc bpf_skb_ct_lookup',
    ['acquire', 'ret_null'],
    CONNTRACK,
  ),
  ...kfuncs('bpf_ct_insert_entry', ['acquire', 'ret_null', 'release'], CONNTRACK),
  ...kfuncs('bpf_ct_release', ['release'], CONNTRACK),
  ...kfuncs(
    'bpf_ct_set_timeout bpf_ct_change_timeout bpf_ct_set_status bpf_ct_change_status bpf_ct_set_nat_info',
    ['trusted_args'],
    CONNTRACK,
  ),
  ...kfuncs('bpf_xdp_get_xfrm_state', ['acquire', 'ret_null'], XDP),
  ...kfuncs('bpf_xdp_xfrm_state_release', ['release'], XDP),
  ...kfuncs(
    `tcp_reno_ssthresh tcp_reno_cong_avoid tcp_reno_undo_cwnd tcp_slow_start tcp_cong_avoid_ai
     cubictcp_init cubictcp_recalc_ssthresh cubictcp_cong_avoid cubictcp_state cubictcp_cwnd_event cubictcp_acked
     bbr_init bbr_main bbr_sndbuf_expand bbr_undo_cwnd bbr_cwnd_event bbr_ssthresh bbr_min_tso_segs bbr_set_state`,
    [],
    STRUCT_OPS,
  ),
  ...kfuncs('bpf_kfunc_call_test_release bpf_kfunc_call_memb_release', ['release'], TEST),
]
