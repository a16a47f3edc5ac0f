// SPDX-License-Identifier: MIT
//
// Refused: an index up to 255 into an array of 16 inside a map's value.
#include "skep.bpf.h"

struct buckets {
	u64 packets[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct buckets);
} histogram SEC(".maps");

SEC("xdp")
int refused_map_bounds(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct buckets *buckets = bpf_map_lookup_elem(&histogram, &zero);
	u8 *byte = xdp_data(ctx);

	if (!buckets || (void *)(byte + 1) > xdp_data_end(ctx))
		return XDP_PASS;
	buckets->packets[*byte]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
