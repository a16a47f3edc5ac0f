// SPDX-License-Identifier: MIT
// A program of another type.
#include "tenant.h"

SEC("xdp")
int wrong_type(void *ctx)
{
	return 2;
}

LICENSE("MIT");
