// SPDX-License-Identifier: MIT
//
// Counts the packets of each sender, and forgets who has sent none for a second: a timer in the map's value.
#include "skep.bpf.h"

#define IDLE 1000000000ULL
#define CLOCK_MONOTONIC 1

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct sender {
	u64 packets;
	struct bpf_timer idle;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct sender);
} senders SEC(".maps");

static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*const bpf_timer_start)(struct bpf_timer *timer, u64 nsecs, u64 flags) = (void *)171;

static int forget(void *map, u32 *key, struct sender *sender)
{
	bpf_map_delete_elem(map, key);
	return 0;
}

SEC("xdp") int idle_flows(struct xdp_md *ctx)
{
	struct sender first = {};
	struct sender *sender;
	u32 address;

	// The sender's address, behind the Ethernet header.
	if (bpf_xdp_load_bytes(ctx, 26, &address, sizeof(address)))
		return XDP_PASS;
	sender = bpf_map_lookup_elem(&senders, &address);
	if (!sender) {
		bpf_map_update_elem(&senders, &address, &first, 0);
		sender = bpf_map_lookup_elem(&senders, &address);
		if (!sender)
			return XDP_PASS;
		bpf_timer_init(&sender->idle, &senders, CLOCK_MONOTONIC);
		bpf_timer_set_callback(&sender->idle, forget);
	}
	sender->packets++;
	bpf_timer_start(&sender->idle, IDLE, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
