// SPDX-License-Identifier: MIT
//
// The Internet checksum (RFC 1071) of a whole frame of up to 1,514 bytes, two bytes a round.
#include "skep.bpf.h"

#define MOST_BYTES 1514

SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	u16 *at = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	u32 sum = 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MOST_BYTES / sizeof(*at); i++) {
		// One pointer that moves: each round compares it with the packet's end.
		asm volatile("" : "+r"(at));
		if ((void *)(at + 1) > end)
			break;
		sum += *at++;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
