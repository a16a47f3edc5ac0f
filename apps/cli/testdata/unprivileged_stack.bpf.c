// SPDX-License-Identifier: MIT
//
// Refused to a loader without CAP_PERFMON: one field of the key is never written, so that the map would keep what lay on
// the stack before. Linux lets a loader with CAP_PERFMON do so.
#include "skep.bpf.h"

struct key {
	u32 ifindex;
	u32 queue;
	u64 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, u64);
} counts SEC(".maps");

SEC("xdp")
int unprivileged_stack(struct xdp_md *ctx)
{
	struct key key;
	u64 one = 1;

	key.queue = ctx->rx_queue_index;
	key.length = 64;
	bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
