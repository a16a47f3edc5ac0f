// SPDX-License-Identifier: MIT
//
// Counts IPv4 packets by protocol in an array, and drops them.
#include "bench.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} packets SEC(".maps");

SEC("xdp")
int count_protocols(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	u32 protocol;
	u64 *count;

	if (!ip)
		return XDP_PASS;
	protocol = ip->protocol;
	count = bpf_map_lookup_elem(&packets, &protocol);
	if (count)
		(*count)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
