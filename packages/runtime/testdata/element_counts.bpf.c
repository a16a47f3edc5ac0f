// SPDX-License-Identifier: MIT
//
// How many elements maps have.
#include "special.h"

struct bpf_map;
extern s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

#define MAP(name, kind)                                                                                                \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__uint(max_entries, 8);                                                                                \
		__type(key, u32);                                                                                      \
		__type(value, u64);                                                                                    \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH);
MAP(lru, BPF_MAP_TYPE_LRU_HASH);
MAP(percpu, BPF_MAP_TYPE_PERCPU_HASH);
MAP(array, BPF_MAP_TYPE_ARRAY);

s64 results[4];

SEC("xdp") int count_all(void *ctx)
{
	results[0] = bpf_map_sum_elem_count((struct bpf_map *)&hash);
	results[1] = bpf_map_sum_elem_count((struct bpf_map *)&lru);
	results[2] = bpf_map_sum_elem_count((struct bpf_map *)&percpu);
	results[3] = bpf_map_sum_elem_count((struct bpf_map *)&array);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
