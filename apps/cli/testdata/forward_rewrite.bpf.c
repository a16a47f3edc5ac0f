// SPDX-License-Identifier: MIT
//
// Sends IPv4 packets back to where they came from, as a router would forward them: addresses swapped, the time to live
// one less, the header's checksum updated and not calculated anew (RFC 1624).
#include "skep.bpf.h"

// The interface that `redirect` sends to, set by the host.
volatile const u32 target_ifindex = 1;

static __always_inline void swap_mac(struct ethhdr *eth)
{
	u8 source[ETH_ALEN];

	__builtin_memcpy(source, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, source, ETH_ALEN);
}

static __always_inline void decrement_ttl(struct iphdr *ip)
{
	// The time to live is the upper byte of its 16-bit word: one less there is 0x0100 more in the complement.
	u32 check = ip->check + bpf_htons(0x0100);

	ip->check = check + (check >> 16);
	ip->ttl--;
}

static __always_inline int rewrite(struct xdp_md *ctx, int verdict)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	be32 source;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->ttl <= 1)
		return XDP_DROP;

	swap_mac(eth);
	source = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	decrement_ttl(ip);
	return verdict;
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	return rewrite(ctx, XDP_TX);
}

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	int verdict = rewrite(ctx, XDP_REDIRECT);

	return verdict == XDP_REDIRECT ? bpf_redirect(target_ifindex, 0) : verdict;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
