// SPDX-License-Identifier: MIT
//
// Most senders are known to be harmless after one look into a bloom filter; only those that it may hold are looked for in the
// hash, which is exact.
#include "examples.h"

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__uint(map_extra, 5); // hash functions
	__uint(value_size, sizeof(be32));
} filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000);
	__type(key, be32);
	__type(value, u64);
} suspects SEC(".maps");

// Senders that the filter had, and of them those that the hash has not.
u64 maybe;
u64 mistaken;

SEC("xdp") int join(struct xdp_md *ctx)
{
	struct iphdr *ip;
	void *after;
	be32 sender;
	u64 *hits;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	sender = ip->saddr;
	if (bpf_map_peek_elem(&filter, &sender))
		return XDP_PASS;
	maybe++;
	hits = bpf_map_lookup_elem(&suspects, &sender);
	if (!hits) {
		mistaken++;
		return XDP_PASS;
	}
	++*hits;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
