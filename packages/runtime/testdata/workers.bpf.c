// SPDX-License-Identifier: MIT
//
// Programs that several workers run at once: what they write is shared, and what it adds up to is known.
#include "skep.bpf.h"

static long (*spin_lock)(void *lock) = (void *)93;
static long (*spin_unlock)(void *lock) = (void *)94;
static long (*ring_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;

struct bpf_spin_lock {
	u32 val;
};

struct guarded {
	struct bpf_spin_lock lock;
	u32 turns;
	u64 one;
	u64 two;
};

struct record {
	u32 cpu;
	u32 number;
};

struct prefix {
	u32 length;
	u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct guarded);
} guarded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32);
	__type(key, u32);
	__type(value, u64);
} recent SEC(".maps");

struct {
	__uint(type, 11 /* LPM_TRIE */);
	__uint(max_entries, 64);
	__uint(map_flags, 1);
	__type(key, struct prefix);
	__type(value, u32);
} routes SEC(".maps");

struct {
	__uint(type, 27 /* RINGBUF */);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} next SEC(".maps") = {
	.values = {},
};

// Adds to a value that all share, and to this CPU's own.
static __always_inline int add(u32 index)
{
	u64 *total = bpf_map_lookup_elem(&totals, &index);
	u32 mine = 0;
	u64 *count = bpf_map_lookup_elem(&own, &mine);

	if (!total || !count)
		return XDP_ABORTED;
	__sync_fetch_and_add(total, 1);
	*count += 1;
	return bpf_get_smp_processor_id() + 100;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	return add(0);
}

static long turn(u32 index, void *context)
{
	add(1);
	return 0;
}

// A callback: the function table's slot of it is this CPU's.
SEC("xdp")
int loop(struct xdp_md *ctx)
{
	bpf_loop(10, turn, NULL, 0);
	return XDP_PASS;
}

// Two numbers that are equal whenever the lock is free.
SEC("xdp")
int lock(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct guarded *value = bpf_map_lookup_elem(&guarded, &zero);
	u64 odd;

	if (!value)
		return XDP_ABORTED;
	spin_lock(&value->lock);
	odd = value->one ^ value->two;
	value->one += 1;
	value->two += 1;
	spin_unlock(&value->lock);
	return odd ? XDP_ABORTED : XDP_PASS;
}

// Elements come and go under both, and each one's value tells its key.
SEC("xdp")
int churn(struct xdp_md *ctx)
{
	u32 key = bpf_get_prandom_u32() % 48;
	u64 value = key ^ 0x5a5a;
	u64 *found = bpf_map_lookup_elem(&flows, &key);

	if (found && *found != value)
		return XDP_ABORTED;
	if (bpf_get_prandom_u32() & 1)
		bpf_map_update_elem(&flows, &key, &value, BPF_ANY);
	else
		bpf_map_delete_elem(&flows, &key);
	key = bpf_get_prandom_u32() % 256;
	value = key;
	if (!bpf_map_lookup_elem(&recent, &key) && bpf_map_update_elem(&recent, &key, &value, BPF_ANY))
		return XDP_DROP;
	return XDP_PASS;
}

// What a prefix leads to is its address.
SEC("xdp")
int route(struct xdp_md *ctx)
{
	u32 random = bpf_get_prandom_u32();
	struct prefix key = {.length = 32, .address = random & 0x1f0000ff};
	u32 *found = bpf_map_lookup_elem(&routes, &key);
	u32 mask;

	if (found && (*found & 0xff) != (key.address & 0xff))
		return XDP_ABORTED;
	key.length = 8 << (random >> 30);
	if (key.length > 32)
		key.length = 24;
	mask = key.length == 32 ? ~0U : (1U << key.length) - 1;
	key.address &= mask;
	random = key.address;
	if (random & 0x01000000 || key.length == 8)
		bpf_map_update_elem(&routes, &key, &random, BPF_ANY);
	else
		bpf_map_delete_elem(&routes, &key);
	return XDP_PASS;
}

SEC("xdp")
int report(struct xdp_md *ctx)
{
	u32 mine = 1;
	u64 *number = bpf_map_lookup_elem(&own, &mine);
	struct record record = {.cpu = bpf_get_smp_processor_id()};

	if (!number)
		return XDP_ABORTED;
	record.number = *number;
	if (ring_output(&ring, &record, sizeof(record), 0))
		return XDP_DROP;
	*number += 1;
	return XDP_PASS;
}

SEC("xdp")
int jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &next, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
