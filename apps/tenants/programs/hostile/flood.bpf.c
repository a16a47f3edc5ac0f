// SPDX-License-Identifier: MIT
// Prints a thousand lines with every request.
#include "tenant.h"

SEC("http")
int flood(struct http_request *ctx)
{
	const char line[] = "flood %d";

	for (int n = 0; n < 1000; n++)
		bpf_trace_printk(line, sizeof(line), n);
	return HTTP_PASS;
}

LICENSE("GPL");
