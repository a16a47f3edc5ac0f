// SPDX-License-Identifier: MIT
// Ends, after more steps than the verifier takes.
#include "tenant.h"

SEC("http")
int complex(struct http_request *ctx)
{
	volatile __u32 sum = 0;

	for (__u32 n = 0; n < 1000000; n++)
		sum += n;
	return sum == 1 ? HTTP_DENY : HTTP_PASS;
}

LICENSE("MIT");
