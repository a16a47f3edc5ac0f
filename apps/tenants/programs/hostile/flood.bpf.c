// SPDX-License-Identifier: MIT
// Logs a thousand lines with every request; routes to 1 where some were not taken.
#include "tenant.h"

SEC("http")
int flood(struct http_request *ctx)
{
	const char line[] = "flood";
	long refused = 0;

	for (int n = 0; n < 1000; n++)
		refused |= http_log(ctx, line, sizeof(line));
	ctx->route = 1;
	return refused ? HTTP_ROUTE : HTTP_PASS;
}

LICENSE("MIT");
