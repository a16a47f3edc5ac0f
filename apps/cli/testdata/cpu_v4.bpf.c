// SPDX-License-Identifier: MIT
//
// What -mcpu=v4 adds: loads and moves that extend the sign, signed division and modulo, byte swaps without regard to the
// host's order, a jump of 32 bits; and Linux's may_goto.
#include "skep.bpf.h"

s64 sum;
s64 quotients;
u64 swapped;
volatile u32 first; // the byte that may_goto's sum starts from

// Where lengths, checksums and addresses are in most packets: bytes of all kinds.
#define FIRST 16
#define LENGTH 16

// Takes some of the packet's bytes for signed numbers.
SEC("xdp")
int sign_extension(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx) + FIRST;
	s8 *bytes = data;
	s16 *halves = data;
	s32 *words = data;
	s64 total = 0;
	s32 narrow;

	if (data + LENGTH > xdp_data_end(ctx))
		return XDP_PASS;
	total += bytes[0];
	total += bytes[5];
	total += halves[3];
	total += words[2];
	narrow = (s32)total;
	total += (s8)narrow;
	total += (s16)(narrow >> 3);
	total += narrow;
	sum += total;
	return total < 0 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int signed_division(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx) + FIRST;
	s64 divisor;
	s64 dividend;
	s32 dividend32;

	if (data + LENGTH > xdp_data_end(ctx))
		return XDP_PASS;
	dividend = *(s32 *)data;
	dividend32 = *(s32 *)(data + 4);
	divisor = *(s8 *)(data + 8); // may be zero, and what comes out then is defined in BPF
	quotients += dividend / divisor + dividend % divisor;
	quotients += dividend32 / (s32)divisor + dividend32 % (s32)divisor;
	quotients += dividend / -7 + dividend % -7;
	return quotients & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int byte_swap(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx) + FIRST;

	if (data + LENGTH > xdp_data_end(ctx))
		return XDP_PASS;
	swapped ^= __builtin_bswap16(*(u16 *)data);
	swapped ^= __builtin_bswap32(*(u32 *)(data + 2));
	swapped ^= __builtin_bswap64(*(u64 *)(data + 6));
	return swapped & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int long_jump(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);

	if (data + 14 > xdp_data_end(ctx))
		return XDP_PASS;
	if (*(u8 *)data & 1)
		asm goto("gotol %l[multicast]" : : : : multicast);
	return XDP_PASS;
multicast:
	return XDP_DROP;
}

// A loop whose end the verifier does not see: may_goto leaves it after at most 8,388,608 rounds.
SEC("xdp")
int may_goto(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	u32 total = 0;
	u32 offset = first; // unknown to the verifier, so that one round is like the next for it

	for (;;) {
		u8 *byte = data + (offset & 0x7ff);

		asm volatile goto("may_goto %l[out]" : : : : out);
		if ((void *)(byte + 1) > end)
			break;
		total += *byte;
		offset++;
	}
out:
	return total & 1 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
