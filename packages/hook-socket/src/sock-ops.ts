import {
  attachTypeId,
  defineProgramType,
  type FieldType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

const u32s = (...names: readonly string[]): Record<string, FieldType> =>
  Object.fromEntries(names.map((name) => [name, field.u32({ widths: 'exact' })]))

/** struct bpf_sock_ops (sock_ops_is_valid_access): an event of a TCP connection. */
export const sockOpsContext: StructContext = struct(
  'bpf_sock_ops',
  {
    op: field.u32({ widths: 'exact' }),
    /** args[0], or what the program answers. */
    reply: field.u32({ widths: 'exact', write: true }),
    args: field.array(field.u32(), 3, { widths: 'exact' }),
    ...u32s('family', 'remote_ip4', 'local_ip4'),
    remote_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    local_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    ...u32s(
      'remote_port',
      'local_port',
      'is_fullsock',
      'snd_cwnd',
      'srtt_us',
      'bpf_sock_ops_cb_flags',
      'state',
      'rtt_min',
      'snd_ssthresh',
      'rcv_nxt',
      'snd_nxt',
      'snd_una',
      'mss_cache',
      'ecn_flags',
      'rate_delivered',
      'rate_interval_us',
      'packets_out',
      'retrans_out',
      'total_retrans',
      'segs_in',
      'data_segs_in',
      'segs_out',
      'data_segs_out',
      'lost_out',
      'sacked_out',
    ),
    sk_txhash: field.u32({ widths: 'exact', write: true }),
    bytes_received: field.u64({ widths: 'exact' }),
    bytes_acked: field.u64({ widths: 'exact' }),
    sk: field.pointer('socket', { nullable: true, c: 'struct bpf_sock *' }),
    skb_data: field.pointer('packet', { c: 'void *' }),
    skb_data_end: field.pointer('packet_end', { c: 'void *' }),
    skb_len: field.u32({ widths: 'exact' }),
    skb_tcp_flags: field.u32({ widths: 'first' }),
    skb_hwtstamp: field.u64({ widths: 'exact' }),
  },
  { packet: { data: 'skb_data', end: 'skb_data_end' } },
)

/** BPF_PROG_TYPE_SOCK_OPS. */
export const sockOpsProgramType: ProgramTypeDef = defineProgramType({
  name: 'sock_ops',
  id: 13,
  context: sockOpsContext,
  attachTypes: { cgroup_sock_ops: { id: attachTypeId('cgroup_sock_ops') } },
  returns: { min: 0, max: 1 },
  sections: [section('sockops', 'cgroup_sock_ops')],
})
