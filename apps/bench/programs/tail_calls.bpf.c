// SPDX-License-Identifier: MIT
//
// A chain of eight programs by tail calls: each looks at one thing of the packet, and the last one decides.
#include "bench.bpf.h"

#define LINKS 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} passed SEC(".maps");

int link_1(struct xdp_md *ctx);
int link_2(struct xdp_md *ctx);
int link_3(struct xdp_md *ctx);
int link_4(struct xdp_md *ctx);
int link_5(struct xdp_md *ctx);
int link_6(struct xdp_md *ctx);
int link_7(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, LINKS);
	__type(key, u32);
	__array(values, int(struct xdp_md *));
} chain SEC(".maps") = {
	.values = {
		[1] = link_1, [2] = link_2, [3] = link_3, [4] = link_4,
		[5] = link_5, [6] = link_6, [7] = link_7,
	},
};

// Where it stays in the chain: the packet has what this link asks for.
static __always_inline int next(struct xdp_md *ctx, u32 index, u32 condition)
{
	if (!condition)
		return XDP_PASS;
	bpf_tail_call(ctx, &chain, index);
	return XDP_ABORTED;
}

static __always_inline u32 byte_at(struct xdp_md *ctx, u32 offset)
{
	u8 *data = xdp_data(ctx);

	return (void *)(data + offset + 1) > xdp_data_end(ctx) ? 0 : data[offset];
}

SEC("xdp")
int tail_calls(struct xdp_md *ctx)
{
	return next(ctx, 1, ipv4_header(ctx) != NULL);
}

SEC("xdp")
int link_1(struct xdp_md *ctx)
{
	return next(ctx, 2, byte_at(ctx, 14) == 0x45);
}

SEC("xdp")
int link_2(struct xdp_md *ctx)
{
	return next(ctx, 3, byte_at(ctx, 22) > 1);
}

SEC("xdp")
int link_3(struct xdp_md *ctx)
{
	return next(ctx, 4, byte_at(ctx, 23) == IPPROTO_UDP);
}

SEC("xdp")
int link_4(struct xdp_md *ctx)
{
	return next(ctx, 5, byte_at(ctx, 26) != 127);
}

SEC("xdp")
int link_5(struct xdp_md *ctx)
{
	return next(ctx, 6, byte_at(ctx, 30) != 127);
}

SEC("xdp")
int link_6(struct xdp_md *ctx)
{
	return next(ctx, 7, byte_at(ctx, 36) != 0);
}

SEC("xdp")
int link_7(struct xdp_md *ctx)
{
	u32 first = 0;
	u64 *packets = bpf_map_lookup_elem(&passed, &first);

	if (packets)
		(*packets)++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
