// SPDX-License-Identifier: MIT
//
// Maps from before BTF, in definitions longer than libbpf's, as other loaders had them.
#include "bpf.h"

struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags;
	u32 id, pinning;
};

struct bpf_map_def SEC("maps") one = { BPF_MAP_TYPE_ARRAY, 4, 8, 16 };
struct bpf_map_def SEC("maps") two = { BPF_MAP_TYPE_HASH, 6, 2, 32, BPF_F_NO_PREALLOC };

SEC("xdp") int program(struct xdp_md *ctx)
{
	u64 key = 0;

	return !!bpf_map_lookup_elem(&one, &key) + !!bpf_map_lookup_elem(&two, &key);
}

char _license[] SEC("license") = "GPL";
