// SPDX-License-Identifier: MIT
//
// Refused: it returns a register that nobody wrote.
#include "skep.bpf.h"

SEC("xdp")
int refused_uninitialised(struct xdp_md *ctx)
{
	u64 verdict;

	asm volatile("%0 = r7" : "=r"(verdict));
	return verdict;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
