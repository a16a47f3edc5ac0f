// SPDX-License-Identifier: MIT
//
// Sessions that end by themselves: each has a timer in the map's value, which every packet winds up again; when it fires, it
// tells how many packets there were, through a ring buffer, and forgets the session.
#include "examples.h"

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*const bpf_timer_start)(struct bpf_timer *timer, u64 nsecs, u64 flags) = (void *)171;

struct session {
	u64 packets;
	struct bpf_timer idle;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, be32);
	__type(value, struct session);
} sessions SEC(".maps");

struct ended {
	be32 address;
	u32 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ended SEC(".maps");

const volatile u64 idle_nanoseconds = 30000000000ULL;

static int forget(void *map, be32 *address, struct session *session)
{
	struct ended record = { *address, session->packets };

	bpf_ringbuf_output(&ended, &record, sizeof(record), 0);
	bpf_map_delete_elem(map, address);
	return 0;
}

SEC("xdp") int attend(struct xdp_md *ctx)
{
	struct session *session, first = {};
	struct iphdr *ip;
	be32 address;
	void *after;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	address = ip->saddr;
	session = bpf_map_lookup_elem(&sessions, &address);
	if (!session) {
		bpf_map_update_elem(&sessions, &address, &first, BPF_NOEXIST);
		session = bpf_map_lookup_elem(&sessions, &address);
		if (!session)
			return XDP_PASS;
		bpf_timer_init(&session->idle, &sessions, CLOCK_MONOTONIC);
		bpf_timer_set_callback(&session->idle, forget);
	}
	session->packets++;
	bpf_timer_start(&session->idle, idle_nanoseconds, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
