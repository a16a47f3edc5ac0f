// SPDX-License-Identifier: MIT
// Calls a helper that Linux has and tenants have not.
#include "tenant.h"

static long (*const bpf_trace_printk)(const char *format, __u32 size, ...) = (void *)6;

SEC("http")
int printk(struct http_request *ctx)
{
	const char line[] = "flood";

	bpf_trace_printk(line, sizeof(line));
	return HTTP_PASS;
}

LICENSE("GPL");
