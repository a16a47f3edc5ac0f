// SPDX-License-Identifier: MIT
//
// Counts packets and bytes for each CPU: by protocol in an array, by source in a hash map.
#include "bench.bpf.h"

struct counter {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, struct counter);
} protocols SEC(".maps");

// The host fills it.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, be32);
	__type(value, u64);
} sources SEC(".maps");

SEC("xdp")
int percpu_counters(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	struct counter *counter;
	be32 source;
	u32 key;
	u64 *packets;

	if (!ip)
		return XDP_PASS;
	key = ip->protocol;
	counter = bpf_map_lookup_elem(&protocols, &key);
	if (!counter)
		return XDP_ABORTED;
	counter->packets++;
	counter->bytes += ctx->data_end - ctx->data;
	source = ip->saddr;
	packets = bpf_map_lookup_elem(&sources, &source);
	if (!packets)
		return XDP_PASS;
	(*packets)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
