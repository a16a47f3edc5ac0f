// SPDX-License-Identifier: MIT
//
// Drops packets from the sources in a hash map, counting each one's attempts.
#include "bench.bpf.h"

// The host fills it.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, be32);
	__type(value, u64);
} blocked SEC(".maps");

SEC("xdp")
int blacklist(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	be32 source;
	u64 *attempts;

	if (!ip)
		return XDP_PASS;
	source = ip->saddr;
	attempts = bpf_map_lookup_elem(&blocked, &source);
	if (!attempts)
		return XDP_PASS;
	(*attempts)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
