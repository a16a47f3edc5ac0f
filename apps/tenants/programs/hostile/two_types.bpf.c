// SPDX-License-Identifier: MIT
// Beside a program for requests one of a type that tenants' runtimes have not.
#include "tenant.h"

SEC("http")
int fine(struct http_request *ctx)
{
	return HTTP_PASS;
}

SEC("kprobe/vfs_read")
int wrong_type(void *ctx)
{
	return 0;
}

LICENSE("MIT");
