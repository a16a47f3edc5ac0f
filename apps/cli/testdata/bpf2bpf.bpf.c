// SPDX-License-Identifier: MIT
//
// Calls between functions. They all come to lie in section .text, and the loader puts a copy of those that are called
// behind each program. A static function is verified anew at each call; a global one once, for all arguments that its
// types allow.
#include "skep.bpf.h"

struct flow {
	be32 saddr;
	be32 daddr;
	u16 sport;
	u16 dport;
	u32 protocol;
};

u64 calls;

static __noinline u32 mix(u32 hash, u32 word)
{
	calls++;
	hash ^= word;
	hash *= 0x9e3779b1;
	return hash ^ (hash >> 15);
}

// It reads what lies on its caller's stack.
static __noinline u32 hash_flow(const struct flow *flow)
{
	u32 hash = mix(0, flow->saddr);

	hash = mix(hash, flow->daddr);
	hash = mix(hash, (u32)flow->sport << 16 | flow->dport);
	return mix(hash, flow->protocol);
}

// It fills what lies on its caller's stack, and takes pointers into the packet.
static __noinline int parse_flow(void *data, void *end, struct flow *flow)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *ports = (void *)(ip + 1); // TCP has its ports at the same place

	if ((void *)(ports + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return -1;
	flow->saddr = ip->saddr;
	flow->daddr = ip->daddr;
	flow->protocol = ip->protocol;
	flow->sport = bpf_ntohs(ports->source);
	flow->dport = bpf_ntohs(ports->dest);
	return 0;
}

__noinline int is_privileged_port(u32 port)
{
	return port > 0 && port < 1024;
}

// The verifier knows the size of what `flow` points to from BTF, and that it may be null.
__noinline int flow_to_privileged(struct flow *flow)
{
	if (!flow)
		return 0;
	return is_privileged_port(flow->dport);
}

// The context is recognised by its type.
__noinline int packet_length(struct xdp_md *ctx)
{
	return xdp_data_end(ctx) - xdp_data(ctx);
}

SEC("xdp")
int sample(struct xdp_md *ctx)
{
	struct flow flow = {};

	if (parse_flow(xdp_data(ctx), xdp_data_end(ctx), &flow))
		return XDP_PASS;
	return hash_flow(&flow) % 4 == 0 ? XDP_TX : XDP_PASS;
}

SEC("xdp.frags")
int privileged(struct xdp_md *ctx)
{
	struct flow flow = {};

	if (packet_length(ctx) > 1000)
		return XDP_DROP;
	if (parse_flow(xdp_data(ctx), xdp_data_end(ctx), &flow))
		return XDP_PASS;
	return flow_to_privileged(&flow) ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
