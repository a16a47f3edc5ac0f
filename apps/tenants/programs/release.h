// SPDX-License-Identifier: MIT
#pragma once
#include "tenant.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} hits SEC(".maps");

SEC("http")
int release(struct http_request *ctx)
{
	__u32 key = ROUTE;
	__u64 *count = bpf_map_lookup_elem(&hits, &key);

	if (count)
		*count += 1;
	ctx->route = ROUTE;
	return HTTP_ROUTE;
}

LICENSE("MIT");
