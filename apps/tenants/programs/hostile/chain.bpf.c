// SPDX-License-Identifier: MIT
// Calls itself for ever: after 33 tail calls the 34th run goes on, and routes to 1.
#include "tenant.h"

int chain(struct http_request *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct http_request *));
} next SEC(".maps") = {
	.values = { (void *)&chain },
};

__u32 calls = 0;

SEC("http")
int chain(struct http_request *ctx)
{
	calls++;
	bpf_tail_call(ctx, &next, 0);
	ctx->route = calls - 33;
	calls = 0;
	return HTTP_ROUTE;
}

LICENSE("MIT");
