// SPDX-License-Identifier: MIT
//
// See linked_a.bpf.c.
#include "bpf.h"

static volatile u32 same_name = 2;
u32 from_b = 22;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, u8[3]);
	__uint(max_entries, 9);
} map_b SEC(".maps");

extern struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 5);
} common __attribute__((section(".maps")));

__noinline int chosen(int a)
{
	return a + 7;
}

static __noinline int same_function(int a)
{
	return a * same_name;
}

__noinline int in_b(int a)
{
	u32 key = a;

	return same_function(a) + !!bpf_map_lookup_elem(&map_b, &key) + !!bpf_map_lookup_elem(&common, &key);
}

SEC("tc") int program_b(void *ctx)
{
	return in_b(3) + chosen(4);
}

char _license[] SEC("license") = "GPL";
