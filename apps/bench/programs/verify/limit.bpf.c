// SPDX-License-Identifier: MIT
//
// A loop that takes nearly all of the million instructions that the verifier walks: each round has other bounds than the one
// before, calls a helper, and forks where a map has no element.
#include "verify.bpf.h"

#ifndef ROUNDS
#define ROUNDS 4000
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 1024);
} slots SEC(".maps");

SEC("xdp")
int limit(struct xdp_md *ctx)
{
	u64 sum = bpf_ktime_get_ns(), high = 0;
	u32 length = bpf_get_prandom_u32();

	_Pragma("clang loop unroll(disable)") for (u32 i = 0; i < ROUNDS; i++) {
		u32 key = (sum ^ i) & 1023;
		u64 *slot = bpf_map_lookup_elem(&slots, &key);

		if (!slot)
			return XDP_ABORTED;
		for (int j = 0; j < 8; j++)
			sum = mix(sum, length + j);
		sum = mix(sum, high + i);
		if (sum > *slot)
			high += *slot;
		*slot = high;
		sum += high;
	}
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
