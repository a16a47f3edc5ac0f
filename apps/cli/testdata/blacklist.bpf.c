// SPDX-License-Identifier: MIT
//
// Drops packets by source address. The host fills `blacklist4` and `blacklist6`; each value counts the packets dropped.
// `sources` learns every IPv4 source by itself, with one count for each CPU.
#include "skep.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, be32);
	__type(value, u64);
} blacklist4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct in6_addr);
	__type(value, u64);
} blacklist6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, be32);
	__type(value, u64);
} sources SEC(".maps");

static __always_inline void learn(be32 source)
{
	u64 *count = bpf_map_lookup_elem(&sources, &source);
	u64 one = 1;

	if (count)
		(*count)++;
	else
		bpf_map_update_elem(&sources, &source, &one, BPF_NOEXIST);
}

SEC("xdp")
int blacklist(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = data;
	u64 *dropped = NULL;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;

	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);
		be32 source;

		if ((void *)(ip + 1) > end)
			return XDP_PASS;
		source = ip->saddr;
		learn(source);
		dropped = bpf_map_lookup_elem(&blacklist4, &source);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		if ((void *)(ip6 + 1) > end)
			return XDP_PASS;
		// A key may lie in the packet itself.
		dropped = bpf_map_lookup_elem(&blacklist6, &ip6->saddr);
	}

	if (!dropped)
		return XDP_PASS;
	__sync_fetch_and_add(dropped, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
