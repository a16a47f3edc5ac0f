// SPDX-License-Identifier: MIT
//
// Functions that call each other across sections, static and global, weak and hidden, and by address.
#include "bpf.h"

volatile u32 counter;

static __noinline int leaf(int a)
{
	counter += a;
	return a * 3;
}

__noinline int shared(int a)
{
	return leaf(a) + leaf(a + 1);
}

__weak __noinline int replaceable(int a)
{
	return a ^ counter;
}

__hidden __noinline int inside(int a)
{
	return shared(a) - 1;
}

static int each(u32 index, void *context)
{
	*(u32 *)context += leaf(index);
	return 0;
}

__noinline int each_global(u32 index, void *context)
{
	counter += index;
	return 0;
}

static __noinline int again(int a)
{
	u32 sum = a;

	bpf_loop(4, each, &sum, 0);
	return sum;
}

SEC("xdp") int first(struct xdp_md *ctx)
{
	return shared(ctx->rx_queue_index) + inside(2);
}

SEC("xdp") int second(struct xdp_md *ctx)
{
	u32 sum = again(ctx->rx_queue_index);

	bpf_loop(4, each, &sum, 0);
	bpf_loop(sum, each_global, 0, 0);
	return sum + replaceable(1);
}

SEC("tc") int third(void *ctx)
{
	return inside((long)ctx) + again(1);
}

SEC("?xdp") int not_by_itself(struct xdp_md *ctx)
{
	return leaf(1);
}

SEC("xdp") int alone(struct xdp_md *ctx)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
u32 _version SEC("version") = 0x60102;
