// SPDX-License-Identifier: MIT
//
// Connection tracking in an LRU hash that is full: every packet is of a flow that is not in it, so that each update evicts.
#include "bench.bpf.h"

struct flow {
	be32 saddr;
	be32 daddr;
	u64 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

SEC("xdp")
int lru_eviction(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	struct flow flow = {};
	u32 first = 0;
	u64 *number, *packets, one = 1;

	if (!ip)
		return XDP_PASS;
	number = bpf_map_lookup_elem(&numbers, &first);
	if (!number)
		return XDP_ABORTED;
	flow.saddr = ip->saddr;
	flow.daddr = ip->daddr;
	flow.number = (*number)++;
	packets = bpf_map_lookup_elem(&flows, &flow);
	if (packets) {
		(*packets)++;
		return XDP_PASS;
	}
	return bpf_map_update_elem(&flows, &flow, &one, BPF_ANY) ? XDP_ABORTED : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
