// SPDX-License-Identifier: MIT
//
// What several of the programs here begin with.
#pragma once
#include "skep.bpf.h"

// The IPv4 header behind an Ethernet header, or NULL where the packet has none.
static __always_inline struct iphdr *ipv4_header(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > xdp_data_end(ctx))
		return NULL;
	return eth->h_proto == bpf_htons(ETH_P_IP) ? ip : NULL;
}
