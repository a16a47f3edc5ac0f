// SPDX-License-Identifier: MIT
//
// Refused: it reads a header without asking first whether the packet is long enough.
#include "skep.bpf.h"

SEC("xdp")
int refused_bounds(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(eth + 1) > xdp_data_end(ctx)) // the Ethernet header is there, the IP header perhaps not
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	return ip->protocol == IPPROTO_UDP ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
