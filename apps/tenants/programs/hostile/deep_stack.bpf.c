// SPDX-License-Identifier: MIT
// Takes more stack than there is, in functions one below the other.
#include "tenant.h"

static __noinline int leaf(__u32 n)
{
	volatile char room[400];

	for (int i = 0; i < 400; i++)
		room[i] = n;
	return room[n & 0xff];
}

SEC("http")
int deep_stack(struct http_request *ctx)
{
	volatile char room[400];

	for (int i = 0; i < 400; i++)
		room[i] = i;
	return (leaf(ctx->method) + room[ctx->method & 0xff]) & 1;
}

LICENSE("MIT");
