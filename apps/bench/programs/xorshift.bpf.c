// SPDX-License-Identifier: MIT
//
// 65,536 rounds of a 64-bit xorshift generator (Marsaglia, 2003): registers and nothing else.
#include "skep.bpf.h"

#define ROUNDS 65536

SEC("xdp")
int xorshift(struct xdp_md *ctx)
{
	u8 *packet = xdp_data(ctx);
	u64 state, sum = 0;

	if (packet + sizeof(struct ethhdr) > (u8 *)xdp_data_end(ctx))
		return XDP_PASS;

	// The seed comes from the packet, so that the result cannot be computed beforehand.
	state = 0x2545f4914f6cdd1dULL ^ packet[0];
#pragma clang loop unroll(disable)
	for (u32 round = 0; round < ROUNDS; round++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		sum += state;
		// The counter stays a counter.
		asm volatile("" : "+r"(round));
	}
	return sum & 0x7fffffff;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
