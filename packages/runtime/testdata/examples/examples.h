// SPDX-License-Identifier: MIT
//
// What the examples share beside skep.bpf.h: map types, helpers, and the addresses and ports of a packet.
#pragma once
#include "skep.bpf.h"

enum {
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_BLOOM_FILTER = 30,
};

#define __ksym __attribute__((section(".ksyms")))
#define BPF_F_CURRENT_CPU 0xffffffffULL
#define CLOCK_MONOTONIC 1

static u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_get_current_comm)(void *buf, u32 size_of_buf) = (void *)16;
static long (*const bpf_perf_event_output)(void *ctx, void *map, u64 flags, void *data, u64 size) = (void *)25;
static long (*const bpf_map_push_elem)(void *map, const void *value, u64 flags) = (void *)87;
static long (*const bpf_map_pop_elem)(void *map, void *value) = (void *)88;
static long (*const bpf_map_peek_elem)(void *map, void *value) = (void *)89;
static long (*const bpf_seq_printf)(void *m, const char *fmt, u32 fmt_size, const void *data, u32 data_len) =
	(void *)126;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, u64 size, u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;

struct bpf_raw_tracepoint_args {
	u64 args[0];
};

// The IPv4 header of a packet, NULL where it is none; `after` is what follows it.
static __always_inline struct iphdr *ipv4_of(struct xdp_md *ctx, void **after)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return NULL;
	*after = ip + 1;
	return ip;
}

// The TCP header behind it, NULL where it is none.
static __always_inline struct tcphdr *tcp_of(struct xdp_md *ctx, struct iphdr *ip, void *after)
{
	struct tcphdr *tcp = after;

	if (ip->protocol != IPPROTO_TCP || (void *)(tcp + 1) > xdp_data_end(ctx))
		return NULL;
	return tcp;
}
