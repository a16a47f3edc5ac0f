// SPDX-License-Identifier: MIT
//
// Lets each IPv4 source send `limit` packets in a window of time. An LRU map forgets the sources that were quiet longest
// when it is full, so that a flood from many addresses costs bounded memory.
#include "skep.bpf.h"

volatile const u64 limit = 100;
volatile const u64 window_ns = 60000000000ULL;

struct window {
	u64 start; // ns
	u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, be32);
	__type(value, struct window);
} windows SEC(".maps");

SEC("xdp")
int lru_ratelimit(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct window *window;
	be32 source;
	u64 now;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	source = ip->saddr;
	now = bpf_ktime_get_ns();
	window = bpf_map_lookup_elem(&windows, &source);
	if (!window || now - window->start >= window_ns) {
		struct window opened = { .start = now, .packets = 1 };

		bpf_map_update_elem(&windows, &source, &opened, BPF_ANY);
		return XDP_PASS;
	}
	__sync_fetch_and_add(&window->packets, 1);
	return window->packets > limit ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
