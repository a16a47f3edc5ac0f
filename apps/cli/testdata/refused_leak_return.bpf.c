// SPDX-License-Identifier: MIT
//
// Refused: a global function returns a pointer as if it were a number.
#include "skep.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} secret SEC(".maps");

__noinline u64 address_of_secret(u32 key)
{
	return (u64)bpf_map_lookup_elem(&secret, &key);
}

SEC("xdp")
int refused_leak_return(struct xdp_md *ctx)
{
	return address_of_secret(0) & 0x1000 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
