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

#define BPF_MAP_TYPE_RINGBUF 27

enum {
	BPF_RB_NO_WAKEUP = 1,
};

static void *(*const bpf_ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
