// SPDX-License-Identifier: MIT
//
// Refused: the loop never moves on when the byte is odd.
#include "skep.bpf.h"

SEC("xdp")
int refused_loop(struct xdp_md *ctx)
{
	volatile u8 *byte = xdp_data(ctx);

	if ((void *)(byte + 1) > xdp_data_end(ctx))
		return XDP_PASS;
	while (*byte & 1)
		;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
