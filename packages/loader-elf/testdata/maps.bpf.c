// SPDX-License-Identifier: MIT
//
// Every form of a map definition in BTF.
#include "bpf.h"

struct key {
	u32 address;
	u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct key);
	__type(value, u64);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, 1);
} typed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, 4);
	__uint(value_size, 12);
	__uint(max_entries, 7);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
} sized SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, u32);
	__uint(max_entries, 64);
	__uint(map_extra, 3);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 3);
};

struct inner one SEC(".maps"), two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, u32);
	__array(values, struct inner);
} outer_array SEC(".maps") = {
	.values = { [1] = &one, [5] = &two },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(key_size, 2);
			__uint(value_size, 6);
			__uint(max_entries, 9);
		});
} outer_hash SEC(".maps");

// Through typedefs and qualifiers.
typedef struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, const volatile u32);
	__type(value, u8[3][5]);
	__uint(max_entries, 2);
} by_name;
volatile by_name named SEC(".maps");

int target_one(struct xdp_md *ctx);
int target_two(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} programs SEC(".maps") = {
	.values = { [0] = (void *)&target_one, [3] = (void *)&target_two },
};

SEC("xdp") int target_one(struct xdp_md *ctx)
{
	return 1;
}

SEC("xdp") int target_two(struct xdp_md *ctx)
{
	return 2;
}

SEC("xdp") int use_all(struct xdp_md *ctx)
{
	struct key key = {};
	u32 index = ctx->rx_queue_index;
	u64 sum = 0, *value;

	void *maps[] = { &typed, &sized, &outer_array, &outer_hash, (void *)&named, &two };
#pragma unroll
	for (int i = 0; i < 6; i++) {
		value = bpf_map_lookup_elem(maps[i], i ? (void *)&index : (void *)&key);
		if (value)
			sum += (u64)value;
	}
	bpf_tail_call(ctx, &programs, index);
	return sum & 1;
}

char _license[] SEC("license") = "Dual MIT/GPL";
