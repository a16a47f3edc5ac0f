// SPDX-License-Identifier: MIT
// Reads what is not of its request.
#include "tenant.h"

SEC("http")
int foreign(struct http_request *ctx)
{
	const char *path = ctx->data;

	return path[ctx->path_len] & 1;
}

LICENSE("MIT");
