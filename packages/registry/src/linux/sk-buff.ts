import { field, type StructContext, struct } from '../context.ts'

/**
 * struct __sk_buff (include/uapi/linux/bpf.h) with the rules that all its program types share (bpf_skb_is_valid_access,
 * net/core/filter.c); each program type narrows them with `withAccess`.
 */
export const skBuff: StructContext = struct(
  '__sk_buff',
  {
    len: field.u32(),
    pkt_type: field.u32(),
    mark: field.u32({ writeExact: true }),
    queue_mapping: field.u32({ writeExact: true }),
    protocol: field.u32(),
    vlan_present: field.u32(),
    vlan_tci: field.u32(),
    vlan_proto: field.u32(),
    priority: field.u32({ writeExact: true }),
    ingress_ifindex: field.u32(),
    ifindex: field.u32(),
    tc_index: field.u32({ writeExact: true }),
    cb: field.array(field.u32(), 5, { widths: 'any' }),
    hash: field.u32(),
    tc_classid: field.u32({ writeExact: true }),
    data: field.packet(),
    data_end: field.packetEnd(),
    napi_id: field.u32(),
    family: field.u32(),
    remote_ip4: field.u32({ widths: 'exact' }),
    local_ip4: field.u32({ widths: 'exact' }),
    remote_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    local_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    remote_port: field.u32(),
    local_port: field.u32(),
    data_meta: field.packetMeta(),
    flow_keys: field.pointer('flow_keys', { read: false, c: 'struct bpf_flow_keys *' }),
    tstamp: field.u64({ widths: 'exact' }),
    wire_len: field.u32(),
    gso_segs: field.u32(),
    sk: field.pointer('sock_common', { nullable: true, c: 'struct bpf_sock *' }),
    gso_size: field.u32(),
    tstamp_type: field.u8({ read: false }),
    tstamp_type_padding: field.padding(3),
    hwtstamp: field.u64({ widths: 'exact' }),
  },
  { packet: { data: 'data', end: 'data_end', meta: 'data_meta' } },
)

type Access = { read?: boolean; write?: boolean }

/** Rules for several fields at once: `none` may not be read, `write` may be written. */
export const access = (rules: {
  readonly none?: readonly string[]
  readonly write?: readonly string[]
}): Readonly<Record<string, Access>> => ({
  ...Object.fromEntries((rules.none ?? []).map((name) => [name, { read: false }])),
  ...Object.fromEntries((rules.write ?? []).map((name) => [name, { write: true }])),
})

/** From `family` to `local_port`: the socket's addresses. */
export const SK_BUFF_ADDRESSES: readonly string[] = [
  'family',
  'remote_ip4',
  'local_ip4',
  'remote_ip6',
  'local_ip6',
  'remote_port',
  'local_port',
]
