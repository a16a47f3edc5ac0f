// SPDX-License-Identifier: MIT
//
// 64 operations on a map in each run, so that what surrounds a run counts little. Keys are below `entries`, in an order that
// caches do not foresee; the map's type and size are the loader's choice.
#include "bench.bpf.h"

#define OPERATIONS 64

static long (*const for_each_map_elem)(void *map, void *callback, void *context, u64 flags) = (void *)164;
static long (*const ringbuf_output)(void *ringbuf, const void *data, u64 size, u64 flags) = (void *)130;

struct {
	__uint(type, 1 /* BPF_MAP_TYPE_HASH */);
	__uint(max_entries, 1000);
	__type(key, u32);
	__type(value, u64);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

u32 entries;
u32 state;
u64 seen;

// As a linear congruential generator goes, its upper half scaled to the entries.
static __always_inline u32 next(u32 *at)
{
	*at = *at * 1664525 + 1013904223;
	return ((u64)(*at >> 8) * entries) >> 24;
}

SEC("xdp") int lookups(struct xdp_md *ctx)
{
	u32 at = state;
	u64 sum = 0;

	for (u32 i = 0; i < OPERATIONS; i++) {
		u32 key = next(&at);
		u64 *value = bpf_map_lookup_elem(&target, &key);

		if (value)
			sum += *value;
	}
	state = at;
	seen += sum;
	return XDP_PASS;
}

SEC("xdp") int updates(struct xdp_md *ctx)
{
	u32 at = state;

	for (u32 i = 0; i < OPERATIONS; i++) {
		u32 key = next(&at);
		u64 value = at;

		bpf_map_update_elem(&target, &key, &value, 0);
	}
	state = at;
	return XDP_PASS;
}

// Keys from `entries` on, which are not there before or after: half of the operations insert, half delete.
SEC("xdp") int inserts(struct xdp_md *ctx)
{
	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u32 key = entries + i;
		u64 value = i;

		bpf_map_update_elem(&target, &key, &value, 0);
	}
	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u32 key = entries + i;

		bpf_map_delete_elem(&target, &key);
	}
	return XDP_PASS;
}

static long add(void *map, const void *key, u64 *value, u64 *sum)
{
	*sum += *value;
	return 0;
}

SEC("xdp") int iterates(struct xdp_md *ctx)
{
	u64 sum = 0;

	for_each_map_elem(&target, add, &sum, 0);
	seen += sum;
	return XDP_PASS;
}

SEC("xdp") int produces(struct xdp_md *ctx)
{
	u64 record[2] = {state, 0};

	for (u32 i = 0; i < OPERATIONS; i++)
		ringbuf_output(&ring, record, sizeof(record), BPF_RB_NO_WAKEUP);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
