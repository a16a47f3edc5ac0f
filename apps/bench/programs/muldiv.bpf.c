// SPDX-License-Identifier: MIT
//
// 64-bit multiplications, divisions and remainders by numbers that are not known before: 64 rounds over the packet's
// addresses and ports.
#include "bench.bpf.h"

#define ROUNDS 64

SEC("xdp")
int muldiv(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	u64 x, y, sum = 0;

	if (!ip)
		return XDP_PASS;
	x = ((u64)ip->saddr << 32 | ip->daddr) * 0x9e3779b97f4a7c15;
	y = ((u64)ip->id << 16 | ip->ttl) + 0x10001;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 divisor = (y >> 7) | 1;

		x = x * 0xd1342543de82ef95 + y;
		sum += x / divisor;
		y = x % (divisor + i) + (y << 1);
	}
	return (sum ^ sum >> 32) & 0x7fffffff;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
