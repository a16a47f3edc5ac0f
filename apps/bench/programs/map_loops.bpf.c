// SPDX-License-Identifier: MIT
//
// 64 operations on a map in each run, so that what surrounds a run counts little. Keys are below `entries`, in an order that
// caches do not foresee; the map's type and size are the loader's choice.
#include "bench.bpf.h"

#define OPERATIONS 64

static long (*const for_each_map_elem)(void *map, void *callback, void *context, u64 flags) = (void *)164;
static long (*const push)(void *map, const void *value, u64 flags) = (void *)87;
static long (*const pop)(void *map, void *value) = (void *)88;
static long (*const peek)(void *map, void *value) = (void *)89;
static void *(*const dynptr_data)(void *dynptr, u32 offset, u32 size) = (void *)203;
static long (*const user_ringbuf_drain)(void *ring, void *callback, void *context, u64 flags) = (void *)209;
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

struct {
	__uint(type, 31 /* BPF_MAP_TYPE_USER_RINGBUF */);
	__uint(max_entries, 8 << 20);
} requests SEC(".maps");

struct {
	__uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
	__uint(max_entries, 1000);
	__type(key, u32);
	__type(value, u64);
} inner SEC(".maps");

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
		ringbuf_output(&ring, record, sizeof(record), 0);
	return XDP_PASS;
}

// Of an LPM trie over IPv4 addresses.
SEC("xdp") int prefixes(struct xdp_md *ctx)
{
	u32 at = state;
	u64 sum = 0;

	for (u32 i = 0; i < OPERATIONS; i++) {
		u32 key[2] = {32, next(&at)};
		u64 *value = bpf_map_lookup_elem(&target, key);

		if (value)
			sum += *value;
	}
	state = at;
	seen += sum;
	return XDP_PASS;
}

// Half of the operations push, half pop.
SEC("xdp") int pushes(struct xdp_md *ctx)
{
	u64 sum = 0;

	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u64 value = i;

		push(&target, &value, 0);
	}
	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u64 value = 0;

		pop(&target, &value);
		sum += value;
	}
	seen += sum;
	return XDP_PASS;
}

// Half of the operations put a value into a bloom filter, half ask for one.
SEC("xdp") int members(struct xdp_md *ctx)
{
	u32 at = state;

	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u64 value = next(&at);

		push(&target, &value, 0);
	}
	for (u32 i = 0; i < OPERATIONS / 2; i++) {
		u64 value = next(&at);

		seen += peek(&target, &value) == 0;
	}
	state = at;
	return XDP_PASS;
}

// Each operation looks up a map in a map, and a value in that.
SEC("xdp") int nested(struct xdp_md *ctx)
{
	u32 at = state;
	u64 sum = 0;

	for (u32 i = 0; i < OPERATIONS; i++) {
		u32 key = next(&at);
		void *map = bpf_map_lookup_elem(&target, &key);

		if (map) {
			u64 *value = bpf_map_lookup_elem(map, &key);

			if (value)
				sum += *value;
		}
	}
	state = at;
	seen += sum;
	return XDP_PASS;
}

static long take(void *dynptr, u32 *left)
{
	u32 *record = dynptr_data(dynptr, 0, 16);

	if (record)
		seen += record[0];
	return --*left == 0;
}

// Takes as many records as there are operations.
SEC("xdp") int drains(struct xdp_md *ctx)
{
	u32 left = OPERATIONS;

	user_ringbuf_drain(&requests, take, &left, BPF_RB_NO_WAKEUP);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
