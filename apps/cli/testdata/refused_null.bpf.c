// SPDX-License-Identifier: MIT
//
// Refused: a lookup may find nothing, and its result is used without a comparison with NULL.
#include "skep.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

SEC("xdp")
int refused_null(struct xdp_md *ctx)
{
	u32 key = ctx->rx_queue_index;
	u64 *count = bpf_map_lookup_elem(&counts, &key);

	*count += 1;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
