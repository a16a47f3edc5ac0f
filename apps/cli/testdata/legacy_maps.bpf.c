// SPDX-License-Identifier: MIT
//
// Maps as they were defined before BTF: structures of numbers in section "maps". libbpf takes them no more from version
// 1.0 on, but objects that have them are still about; their programs may also lie in sections named "xdp/...".
#include "skep.bpf.h"

struct bpf_map_def {
	u32 type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u32 map_flags;
};

struct bpf_map_def SEC("maps") packets = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(u32),
	.value_size = sizeof(u64),
	.max_entries = 256,
};

struct bpf_map_def SEC("maps") dropped_sources = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(be32),
	.value_size = sizeof(u64),
	.max_entries = 1024,
	.map_flags = BPF_F_NO_PREALLOC,
};

SEC("xdp/legacy")
int legacy_maps(struct xdp_md *ctx)
{
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	u32 protocol;
	be32 source;
	u64 *count;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	protocol = ip->protocol;
	count = bpf_map_lookup_elem(&packets, &protocol);
	if (count)
		__sync_fetch_and_add(count, 1);

	source = ip->saddr;
	count = bpf_map_lookup_elem(&dropped_sources, &source);
	if (!count)
		return XDP_PASS;
	__sync_fetch_and_add(count, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
u32 VERSION SEC("version") = 0x061200;
