// SPDX-License-Identifier: MIT
//
// Socket filters: how many bytes to keep is what the datagram asks for, and what they saw of it goes into maps.
#include "skep.bpf.h"

static long (*const skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;
static long (*const skb_load_bytes_relative)(const void *skb, u32 offset, void *to, u32 len, u32 start) = (void *)68;

struct bpf_sock;
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family;
	u32 remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	struct bpf_sock *sk;
};

struct bpf_sock {
	u32 bound_dev_if, family, type, protocol, mark, priority, src_ip4, src_ip6[4], src_port;
};

struct seen {
	u32 len, protocol, pkt_type, ifindex, ingress_ifindex, mark, vlan_present, priority, cb;
	u32 family, own_port;
	u8 network[20];
	u8 udp[6];
	u8 mac[14];
};

struct {
	__uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct seen);
} seen SEC(".maps");

u32 count;
u64 bytes;

SEC("socket") int keep(struct __sk_buff *skb)
{
	u32 at = count++;
	struct seen *to = bpf_map_lookup_elem(&seen, &at);
	u32 wanted = 0;

	bytes += skb->len;
	if (!to)
		return 0;
	to->len = skb->len;
	to->protocol = skb->protocol;
	to->pkt_type = skb->pkt_type;
	to->ifindex = skb->ifindex;
	to->ingress_ifindex = skb->ingress_ifindex;
	to->mark = skb->mark;
	to->vlan_present = skb->vlan_present;
	to->priority = skb->priority;
	to->cb = skb->cb[0] | skb->cb[4];
	skb->cb[0] = 1;
	if (skb->sk) {
		to->family = skb->sk->family;
		to->own_port = skb->sk->src_port;
	}
	skb_load_bytes_relative(skb, 0, to->network, sizeof(to->network), 1);
	skb_load_bytes_relative(skb, 0, to->mac, sizeof(to->mac), 0);
	skb_load_bytes(skb, 0, to->udp, sizeof(to->udp));
	// The first four bytes of the payload.
	if (skb_load_bytes(skb, 8, &wanted, 4))
		return 0xffff;
	return bpf_ntohl(wanted);
}

SEC("socket") int none(struct __sk_buff *skb)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
