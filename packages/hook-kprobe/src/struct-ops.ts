import type { StructOpsRules } from '@skep/registry'

/** Kernel structs whose functions programs implement (struct bpf_struct_ops of Linux 6.18), by name. */
export const STRUCT_OPS: Readonly<Record<string, StructOpsRules>> = {
  // net/ipv4/bpf_tcp_ca.c
  tcp_congestion_ops: {
    unsupported: ['get_info'],
    promotes: { sock: 'tcp_sock' },
    writes: [
      {
        struct: 'tcp_sock',
        fields: [
          'sock.sk_pacing_rate',
          'sock.sk_pacing_status',
          'inet_connection_sock.icsk_ca_priv',
          'inet_connection_sock.icsk_ack.pending',
          'snd_cwnd',
          'snd_cwnd_cnt',
          'snd_cwnd_stamp',
          'snd_ssthresh',
          'ecn_flags',
          'app_limited',
        ],
        inside: ['inet_connection_sock.icsk_ca_priv'],
      },
    ],
  },
  // net/bpf/bpf_dummy_struct_ops.c
  bpf_dummy_ops: {
    helpers: false,
    sleepable: ['test_sleepable'],
    writes: [{ struct: 'bpf_dummy_ops_state' }],
  },
  // kernel/sched/ext.c
  sched_ext_ops: {
    sleepable: [
      'cgroup_exit',
      'cgroup_init',
      'cgroup_prep_move',
      'cpu_offline',
      'cpu_online',
      'exit',
      'init',
      'init_task',
    ],
    writes: [
      {
        struct: 'task_struct',
        fields: ['scx.slice', 'scx.dsq_vtime', 'scx.disallow'],
        inside: ['scx.slice', 'scx.dsq_vtime', 'scx.disallow'],
      },
    ],
  },
  // drivers/hid/bpf/hid_bpf_struct_ops.c
  hid_bpf_ops: {
    sleepable: ['hid_hw_output_report', 'hid_hw_request', 'hid_rdesc_fixup'],
    writes: [
      {
        struct: 'hid_bpf_ctx',
        fields: ['retval'],
        inside: ['retval'],
      },
    ],
  },
  // net/sched/bpf_qdisc.c
  Qdisc_ops: {
    unsupported: [
      'peek',
      'change',
      'attach',
      'change_tx_queue_len',
      'change_real_num_tx',
      'dump',
      'dump_stats',
      'ingress_block_set',
      'egress_block_set',
      'ingress_block_get',
      'egress_block_get',
    ],
    args: { enqueue: { 2: { struct: 'bpf_sk_buff_ptr' } } },
    writes: [
      { struct: 'Qdisc', fields: ['limit', 'q.qlen', 'qstats'], inside: ['qstats'] },
      { struct: 'sk_buff', fields: ['tstamp', 'cb:qdisc_skb_cb.data'], inside: ['cb:qdisc_skb_cb.data'] },
    ],
  },
}
