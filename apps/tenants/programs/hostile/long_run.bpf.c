// SPDX-License-Identifier: MIT
// Is accepted, as by Linux, and would run for hours.
#include "tenant.h"

static long inner(__u32 n, void *context)
{
	return 0;
}

static long outer(__u32 n, void *context)
{
	bpf_loop(1 << 23, inner, context, 0);
	return 0;
}

SEC("http")
int long_run(struct http_request *ctx)
{
	bpf_loop(1 << 23, outer, 0, 0);
	return HTTP_PASS;
}

LICENSE("MIT");
