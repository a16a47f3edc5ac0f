// SPDX-License-Identifier: MIT
// Never ends: the verifier refuses it.
#include "tenant.h"

SEC("http")
int endless(struct http_request *ctx)
{
	for (;;)
		asm volatile("");
	return HTTP_PASS;
}

LICENSE("MIT");
