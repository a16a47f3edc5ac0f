// SPDX-License-Identifier: MIT
//
// Finds the longest prefix that an IPv4 destination has in a trie, counts it and drops the packet.
#include "bench.bpf.h"

#define BPF_MAP_TYPE_LPM_TRIE 11

struct prefix {
	u32 length;
	be32 address;
};

// The host fills it.
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, u64);
} routes SEC(".maps");

SEC("xdp")
int longest_prefix(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	struct prefix key = { .length = 32 };
	u64 *packets;

	if (!ip)
		return XDP_PASS;
	key.address = ip->daddr;
	packets = bpf_map_lookup_elem(&routes, &key);
	if (!packets)
		return XDP_PASS;
	(*packets)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
