// SPDX-License-Identifier: MIT
//
// Counts IP packets by their protocol number, in two ways: `packets` has a copy for each CPU, which needs no atomic
// addition and which the host sums; `bytes` has one copy for all.
#include "skep.bpf.h"

#define NOT_IP 255 // a reserved protocol number

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} bytes SEC(".maps");

static __always_inline u32 protocol_of(void *data, void *end)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return NOT_IP;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? NOT_IP : ip->protocol;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		return (void *)(ip6 + 1) > end ? NOT_IP : ip6->nexthdr;
	}
	return NOT_IP;
}

SEC("xdp")
int proto_count(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	u32 protocol = protocol_of(data, end);
	u64 *count;

	count = bpf_map_lookup_elem(&packets, &protocol);
	if (count)
		(*count)++;
	count = bpf_map_lookup_elem(&bytes, &protocol);
	if (count)
		__sync_fetch_and_add(count, end - data);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
