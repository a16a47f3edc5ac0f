// SPDX-License-Identifier: MIT
//
// Refused: a helper that wants a pointer to the key gets the key itself.
#include "skep.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

SEC("xdp")
int refused_helper_argument(struct xdp_md *ctx)
{
	u64 key = ctx->rx_queue_index;
	u64 *count = bpf_map_lookup_elem(&counts, (void *)key);

	return count ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
