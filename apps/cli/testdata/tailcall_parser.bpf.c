// SPDX-License-Identifier: MIT
//
// A parser in stages, each a program of its own, chained by tail calls through `parsers`. What one stage found out it
// leaves for the next in `progress`, since a tail call hands on nothing but the context.
#include "skep.bpf.h"

enum stage {
	PARSE_IPV4,
	PARSE_IPV6,
	PARSE_TCP,
	PARSE_UDP,
	PARSE_NEVER, // no program is there: a tail call to it goes on in the caller
	STAGES,
};

int parse_ipv4(struct xdp_md *ctx);
int parse_ipv6(struct xdp_md *ctx);
int parse_tcp(struct xdp_md *ctx);
int parse_udp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(u32));
	__array(values, int(struct xdp_md *));
} parsers SEC(".maps") = {
	.values = {
		[PARSE_IPV4] = &parse_ipv4,
		[PARSE_IPV6] = &parse_ipv6,
		[PARSE_TCP] = &parse_tcp,
		[PARSE_UDP] = &parse_udp,
	},
};

struct progress {
	u32 offset; // of the next header
	u32 port;   // the destination port found, 0 if none
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct progress);
} progress SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAGES);
	__type(key, u32); // enum stage
	__type(value, u64);
} reached SEC(".maps");

static __always_inline struct progress *enter(u32 stage)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&reached, &stage);

	if (count)
		__sync_fetch_and_add(count, 1);
	return bpf_map_lookup_elem(&progress, &zero);
}

// The header at a stage's offset, if it is there. A bound on the offset lets the verifier follow the addition.
static __always_inline void *header_at(struct xdp_md *ctx, u32 offset, u32 size)
{
	void *header;

	if (offset > 256)
		return NULL;
	header = xdp_data(ctx) + offset;
	return header + size > xdp_data_end(ctx) ? NULL : header;
}

SEC("xdp")
int parse_ethernet(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct progress *progress_now = bpf_map_lookup_elem(&progress, &zero);
	struct ethhdr *eth = header_at(ctx, 0, sizeof(*eth));

	if (!progress_now || !eth)
		return XDP_ABORTED;
	progress_now->offset = sizeof(*eth);
	progress_now->port = 0;

	if (eth->h_proto == bpf_htons(ETH_P_IP))
		bpf_tail_call(ctx, &parsers, PARSE_IPV4);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		bpf_tail_call(ctx, &parsers, PARSE_IPV6);
	else
		bpf_tail_call(ctx, &parsers, PARSE_NEVER);
	return XDP_PASS;
}

SEC("xdp")
int parse_ipv4(struct xdp_md *ctx)
{
	struct progress *progress_now = enter(PARSE_IPV4);
	struct iphdr *ip;

	if (!progress_now)
		return XDP_ABORTED;
	ip = header_at(ctx, progress_now->offset, sizeof(*ip));
	if (!ip || ip->ihl < 5)
		return XDP_DROP;
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return XDP_PASS;
	progress_now->offset += ip->ihl * 4;

	if (ip->protocol == IPPROTO_TCP)
		bpf_tail_call(ctx, &parsers, PARSE_TCP);
	if (ip->protocol == IPPROTO_UDP)
		bpf_tail_call(ctx, &parsers, PARSE_UDP);
	return XDP_PASS;
}

SEC("xdp")
int parse_ipv6(struct xdp_md *ctx)
{
	struct progress *progress_now = enter(PARSE_IPV6);
	struct ipv6hdr *ip6;

	if (!progress_now)
		return XDP_ABORTED;
	ip6 = header_at(ctx, progress_now->offset, sizeof(*ip6));
	if (!ip6)
		return XDP_DROP;
	progress_now->offset += sizeof(*ip6);

	if (ip6->nexthdr == IPPROTO_TCP)
		bpf_tail_call(ctx, &parsers, PARSE_TCP);
	if (ip6->nexthdr == IPPROTO_UDP)
		bpf_tail_call(ctx, &parsers, PARSE_UDP);
	return XDP_PASS;
}

SEC("xdp")
int parse_tcp(struct xdp_md *ctx)
{
	struct progress *progress_now = enter(PARSE_TCP);
	struct tcphdr *tcp;

	if (!progress_now)
		return XDP_ABORTED;
	tcp = header_at(ctx, progress_now->offset, sizeof(*tcp));
	if (!tcp)
		return XDP_DROP;
	progress_now->port = bpf_ntohs(tcp->dest);
	return XDP_PASS;
}

SEC("xdp")
int parse_udp(struct xdp_md *ctx)
{
	struct progress *progress_now = enter(PARSE_UDP);
	struct udphdr *udp;

	if (!progress_now)
		return XDP_ABORTED;
	udp = header_at(ctx, progress_now->offset, sizeof(*udp));
	if (!udp)
		return XDP_DROP;
	progress_now->port = bpf_ntohs(udp->dest);
	return progress_now->port == 9999 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
