import { field, type StructContext, struct, withAccess } from '../context.ts'

// Sockets as programs see them: struct bpf_sock, bpf_tcp_sock and bpf_xdp_sock of include/uapi/linux/bpf.h, and which of
// their fields may be read (bpf_sock_is_valid_access and its kin, net/core/filter.c).

const bpfSock: StructContext = struct('bpf_sock', {
  bound_dev_if: field.u32({ widths: 'exact' }),
  family: field.u32({ widths: 'first' }),
  type: field.u32({ widths: 'first' }),
  protocol: field.u32({ widths: 'first' }),
  mark: field.u32({ widths: 'exact' }),
  priority: field.u32({ widths: 'exact' }),
  src_ip4: field.u32(),
  src_ip6: field.array(field.u32(), 4),
  src_port: field.u32({ widths: 'first' }),
  /** Big-endian 16 bits and two bytes of padding, which loads of 32 bits may take along. */
  dst_port: field.u32({ narrowTo: 2 }),
  dst_ip4: field.u32(),
  dst_ip6: field.array(field.u32(), 4),
  state: field.u32({ widths: 'first' }),
  rx_queue_mapping: field.u32({ widths: 'first' }),
})

/** Full sockets only: sock_common has neither. */
const commonSock: StructContext = withAccess(bpfSock, {
  type: { read: false },
  protocol: { read: false },
  mark: { read: false },
  priority: { read: false },
})

const u32s = (names: readonly string[]): Record<string, ReturnType<typeof field.u32>> =>
  Object.fromEntries(names.map((name) => [name, field.u32({ widths: 'exact' })]))

const tcpLayout: StructContext = struct('bpf_tcp_sock', {
  ...u32s([
    'snd_cwnd',
    'srtt_us',
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
  ]),
  bytes_received: field.u64({ widths: 'exact' }),
  bytes_acked: field.u64({ widths: 'exact' }),
  ...u32s(['dsack_dups', 'delivered', 'delivered_ce', 'icsk_retransmits']),
})

/**
 * bpf_tcp_sock_is_valid_access minds the first byte of an access alone: the upper halves of the 64-bit fields may be read
 * by themselves. They come before the fields that they overlap.
 */
const tcpSock: StructContext = {
  ...tcpLayout,
  fields: [
    ...tcpLayout.fields
      .filter((f) => f.size === 8)
      .map((f) => ({ name: `${f.name}_high`, offset: f.offset + 4, size: 4, widths: 'exact' as const })),
    ...tcpLayout.fields,
  ],
}

const xdpSock: StructContext = struct('bpf_xdp_sock', { queue_id: field.u32({ widths: 'exact' }) })

/** By the name of the pointer's kind in the verifier's log. */
export const SOCKET_LAYOUTS: Readonly<
  Record<'sock' | 'sock_common' | 'tcp_sock' | 'xdp_sock', StructContext>
> = {
  sock: bpfSock,
  sock_common: commonSock,
  tcp_sock: tcpSock,
  xdp_sock: xdpSock,
}
