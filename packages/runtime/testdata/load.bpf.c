// SPDX-License-Identifier: MIT
//
// Programs that several workers run for long, each on maps of one kind. What each did is counted in `tally`, by CPU, so that
// in the end everything must add up. A value says whose it is: its upper half is the key, its lower half the key's complement.
#include "skep.bpf.h"

static long (*push)(void *map, const void *value, u64 flags) = (void *)87;
static long (*pop)(void *map, void *value) = (void *)88;
static long (*spin_lock)(void *lock) = (void *)93;
static long (*spin_unlock)(void *lock) = (void *)94;
static long (*ring_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;

enum tally {
	HASH_ADDED,
	HASH_INSERTED,
	HASH_DELETED,
	LRU_INSERTED,
	LRU_REFUSED,
	TRIE_INSERTED,
	TRIE_DELETED,
	RING_SENT,
	RING_FULL,
	OWN_ADDED,
	OWN_INSERTED,
	OWN_DELETED,
	QUEUE_PUSHED,
	QUEUE_POPPED,
	LOCKED,
	/* What no map may show. */
	TORN,
	TALLIES,
};

struct bpf_spin_lock {
	u32 val;
};

struct guarded {
	struct bpf_spin_lock lock;
	u32 pad;
	u64 one;
	u64 two;
};

struct record {
	u32 cpu;
	u32 pad;
	u64 number;
};

struct prefix {
	u32 length;
	u32 address;
};

#define MAP(name, kind, entries, key_type, value_type)                                                                 \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__uint(max_entries, entries);                                                                          \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")

MAP(tally, BPF_MAP_TYPE_PERCPU_ARRAY, TALLIES, u32, u64);
MAP(sums, BPF_MAP_TYPE_HASH, 16, u32, u64);
MAP(flows, BPF_MAP_TYPE_HASH, 512, u32, u64);
MAP(recent, BPF_MAP_TYPE_LRU_HASH, 64, u32, u64);
MAP(own_sums, BPF_MAP_TYPE_PERCPU_HASH, 16, u32, u64);
MAP(own_flows, BPF_MAP_TYPE_PERCPU_HASH, 256, u32, u64);
MAP(own_recent, 10 /* LRU_PERCPU_HASH */, 64, u32, u64);
MAP(guarded, BPF_MAP_TYPE_ARRAY, 1, u32, struct guarded);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__uint(map_flags, 1 /* BPF_F_NO_PREALLOC */);
	__type(key, u64);
	__type(value, u64);
} sparse SEC(".maps");

struct {
	__uint(type, 11 /* LPM_TRIE */);
	__uint(max_entries, 1024);
	__uint(map_flags, 1);
	__type(key, struct prefix);
	__type(value, u64);
} routes SEC(".maps");

struct {
	__uint(type, 27 /* RINGBUF */);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, 22 /* QUEUE */);
	__uint(max_entries, 64);
	__uint(key_size, 0);
	__uint(value_size, 8);
} queue SEC(".maps");

static __always_inline void count(u32 what, u64 by)
{
	u64 *mine = bpf_map_lookup_elem(&tally, &what);

	if (mine)
		*mine += by;
}

static __always_inline u64 mark(u32 key)
{
	return (u64)key << 32 | (u32)~key;
}

static __always_inline void look(u64 *found)
{
	u64 value;

	if (!found)
		return;
	value = *(volatile u64 *)found;
	/* Of a per-CPU element the value of a CPU that never wrote it is 0. */
	if (value && (u32)(value >> 32) != (u32)~(u32)value)
		count(TORN, 1);
}

/* Elements that stay are added to; others come and go in the buckets beside them. */
SEC("xdp")
int hash(struct xdp_md *ctx)
{
	u32 random = bpf_get_prandom_u32(), key = random & 15;
	u64 *sum = bpf_map_lookup_elem(&sums, &key), value;
	u64 wide;

	if (sum) {
		__sync_fetch_and_add(sum, 3);
		count(HASH_ADDED, 3);
	}
	key = (random >> 4) & 1023;
	value = mark(key);
	look(bpf_map_lookup_elem(&flows, &key));
	if (random & 1 << 20) {
		if (!bpf_map_update_elem(&flows, &key, &value, BPF_NOEXIST))
			count(HASH_INSERTED, 1);
	} else if (random & 1 << 21) {
		bpf_map_update_elem(&flows, &key, &value, BPF_EXIST);
	} else if (!bpf_map_delete_elem(&flows, &key)) {
		count(HASH_DELETED, 1);
	}
	wide = key;
	look(bpf_map_lookup_elem(&sparse, &wide));
	if (random & 1 << 22) {
		if (!bpf_map_update_elem(&sparse, &wide, &value, BPF_NOEXIST))
			count(HASH_INSERTED, 1);
	} else if (!bpf_map_delete_elem(&sparse, &wide)) {
		count(HASH_DELETED, 1);
	}
	return XDP_PASS;
}

SEC("xdp")
int lru(struct xdp_md *ctx)
{
	u32 random = bpf_get_prandom_u32(), key = random & 255;
	u64 value = mark(key), *found = bpf_map_lookup_elem(&recent, &key);

	look(found);
	if (!found || random & 1 << 20)
		count(bpf_map_update_elem(&recent, &key, &value, BPF_ANY) ? LRU_REFUSED : LRU_INSERTED, 1);
	if ((random >> 21 & 15) == 0)
		bpf_map_delete_elem(&recent, &key);
	look(bpf_map_lookup_elem(&own_recent, &key));
	count(bpf_map_update_elem(&own_recent, &key, &value, BPF_ANY) ? LRU_REFUSED : LRU_INSERTED, 1);
	return XDP_PASS;
}

SEC("xdp")
int trie(struct xdp_md *ctx)
{
	u32 random = bpf_get_prandom_u32();
	struct prefix key = {.length = 32, .address = random & 0x1f0000ff};
	u64 value;

	look(bpf_map_lookup_elem(&routes, &key));
	key.length = 8 + (random >> 29) * 3;
	key.address &= (1U << key.length) - 1;
	value = mark(key.address);
	if (random & 1 << 20) {
		if (!bpf_map_update_elem(&routes, &key, &value, BPF_NOEXIST))
			count(TRIE_INSERTED, 1);
	} else if (!bpf_map_delete_elem(&routes, &key)) {
		count(TRIE_DELETED, 1);
	}
	return XDP_PASS;
}

/* Records of one CPU are numbered without a gap. */
SEC("xdp")
int report(struct xdp_md *ctx)
{
	u32 what = RING_SENT;
	u64 *sent = bpf_map_lookup_elem(&tally, &what);
	struct record record = {.cpu = bpf_get_smp_processor_id()};

	if (!sent)
		return XDP_ABORTED;
	record.number = *sent;
	if (ring_output(&ring, &record, sizeof(record), 0))
		count(RING_FULL, 1);
	else
		*sent += 1;
	return XDP_PASS;
}

SEC("xdp")
int percpu(struct xdp_md *ctx)
{
	u32 random = bpf_get_prandom_u32(), key = random & 15;
	u64 *sum = bpf_map_lookup_elem(&own_sums, &key), value;

	if (sum) {
		*sum += 5;
		count(OWN_ADDED, 5);
	}
	key = (random >> 4) & 511;
	value = mark(key);
	if (random & 1 << 20) {
		if (!bpf_map_update_elem(&own_flows, &key, &value, BPF_NOEXIST))
			count(OWN_INSERTED, 1);
	} else if (!bpf_map_delete_elem(&own_flows, &key)) {
		count(OWN_DELETED, 1);
	}
	return XDP_PASS;
}

SEC("xdp")
int fifo(struct xdp_md *ctx)
{
	u64 value = mark(bpf_get_prandom_u32());

	if (value & 1) {
		if (!push(&queue, &value, 0))
			count(QUEUE_PUSHED, 1);
	} else if (!pop(&queue, &value)) {
		count(QUEUE_POPPED, 1);
		look(&value);
	}
	return XDP_PASS;
}

/* Two numbers that are equal whenever the lock is free. */
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
	count(LOCKED, 1);
	if (odd)
		count(TORN, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
