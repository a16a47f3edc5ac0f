// SPDX-License-Identifier: MIT
//
// Packets counted by IP protocol, and the counts as a text: an iterator program that the map's elements are shown to.
#include "examples.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

struct bpf_iter_meta {
	void *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *map;
	u32 *key;
	u64 *value;
};

SEC("xdp") int count(struct xdp_md *ctx)
{
	struct iphdr *ip;
	void *after;
	u32 protocol;
	u64 *packets;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	protocol = ip->protocol;
	packets = bpf_map_lookup_elem(&counts, &protocol);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	return XDP_PASS;
}

SEC("iter/bpf_map_elem") int show(struct bpf_iter__bpf_map_elem *ctx)
{
	static const char title[] = "protocol  packets\n";
	static const char line[] = "%8u %8llu\n";
	void *seq = ctx->meta->seq;
	u64 numbers[2];

	if (ctx->meta->seq_num == 0)
		bpf_seq_printf(seq, title, sizeof(title), NULL, 0);
	if (!ctx->key || !ctx->value)
		return 0;
	numbers[0] = *ctx->key;
	numbers[1] = *ctx->value;
	if (numbers[1])
		bpf_seq_printf(seq, line, sizeof(line), numbers, sizeof(numbers));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
