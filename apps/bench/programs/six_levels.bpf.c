// SPDX-License-Identifier: MIT
//
// Parses six headers, each only as long as it says: Ethernet, two VLAN tags, IPv6, hop-by-hop options, destination
// options, and then UDP or TCP; counts by destination port.
#include "bench.bpf.h"

#define VLAN_TAGS 2
#define EXTENSIONS 4

struct extension {
	u8 nexthdr;
	u8 length; // in units of 8 bytes behind the first 8
	u8 options[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} ports SEC(".maps");

static __always_inline bool is_extension(u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_ROUTING;
}

SEC("xdp")
int six_levels(struct xdp_md *ctx)
{
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = xdp_data(ctx);
	void *at = eth + 1;
	struct ipv6hdr *ip6;
	struct udphdr *ports_at;
	be16 proto;
	u8 next;
	u32 key;
	u64 *packets;

	if (at > end)
		return XDP_PASS;
	proto = eth->h_proto;
	for (int i = 0; i < VLAN_TAGS; i++) {
		struct vlan_hdr *vlan = at;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(vlan + 1) > end)
			return XDP_DROP;
		proto = vlan->h_vlan_encapsulated_proto;
		at = vlan + 1;
	}
	if (proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	ip6 = at;
	if ((void *)(ip6 + 1) > end || ip6->version != 6)
		return XDP_DROP;
	next = ip6->nexthdr;
	at = ip6 + 1;
	for (int i = 0; i < EXTENSIONS; i++) {
		struct extension *extension = at;

		if (!is_extension(next))
			break;
		if ((void *)(extension + 1) > end)
			return XDP_DROP;
		next = extension->nexthdr;
		at += 8 + 8 * extension->length;
	}
	if (next != IPPROTO_UDP && next != IPPROTO_TCP)
		return XDP_PASS;
	ports_at = at;
	if ((void *)(ports_at + 1) > end)
		return XDP_DROP;
	key = bpf_ntohs(ports_at->dest) & 255;
	packets = bpf_map_lookup_elem(&ports, &key);
	if (packets)
		(*packets)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
