// SPDX-License-Identifier: MIT
//
// Refused: it reads below the 512 bytes of its stack.
#include "skep.bpf.h"

SEC("xdp")
int refused_stack_bounds(struct xdp_md *ctx)
{
	u64 value;

	asm volatile("%0 = *(u64 *)(r10 - 520)" : "=r"(value));
	return value & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
