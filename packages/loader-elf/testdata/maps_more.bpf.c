// SPDX-License-Identifier: MIT
//
// Maps that libbpf 1.1 refuses: static ones, of a file and of functions, and a number past 32 bits.
#include "bpf.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 3);
};

static struct inner of_file SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, u32);
	__uint(max_entries, 64);
	__ulong(map_extra, 0x100000003ULL);
} bloom SEC(".maps");

static __noinline u64 read_local(u32 key)
{
	static struct inner local SEC(".maps");
	u64 *value = bpf_map_lookup_elem(&local, &key);

	return value ? *value : 0;
}

SEC("xdp") int program(struct xdp_md *ctx)
{
	static struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(key_size, 4);
		__uint(value_size, 8);
		__uint(max_entries, 1);
	} local SEC(".maps");
	u32 key = ctx->rx_queue_index;
	u64 *value = bpf_map_lookup_elem(&local, &key);
	u64 *other = bpf_map_lookup_elem(&of_file, &key);

	return (value ? *value : 0) + (other ? *other : 0) + read_local(key);
}

char _license[] SEC("license") = "GPL";
