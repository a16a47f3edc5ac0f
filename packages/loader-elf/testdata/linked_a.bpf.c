// SPDX-License-Identifier: MIT
//
// Linked with linked_b.bpf.c by `bpftool gen object`: static names that both files have, functions, globals and maps of
// the other file, a weak function that the other overrides.
#include "bpf.h"

static volatile u32 same_name = 1;
u32 from_a = 11;
extern u32 from_b;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 1);
} map_a SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 5);
} common SEC(".maps");

int in_b(int a);

__weak __noinline int chosen(int a)
{
	return a + 1000;
}

static __noinline int same_function(int a)
{
	return a + same_name;
}

SEC("xdp") int program_a(struct xdp_md *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&map_a, &key);
	u32 *other = bpf_map_lookup_elem(&common, &key);

	return in_b(same_function(chosen(1))) + (value ? *value : 0) + (other ? *other : 0) + from_a + from_b;
}

char _license[] SEC("license") = "GPL";
