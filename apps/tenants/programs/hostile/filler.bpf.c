// SPDX-License-Identifier: MIT
// Puts more into a map with every request; passes when it took all, routes to 1 when it was full.
#include "tenant.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000);
	__type(key, __u64);
	__type(value, __u64[16]);
} filled SEC(".maps");

__u64 next = 0;

SEC("http")
int filler(struct http_request *ctx)
{
	__u64 value[16] = {};
	long full = 0;

	for (int n = 0; n < 300; n++) {
		__u64 key = next++;

		full |= bpf_map_update_elem(&filled, &key, value, 0);
	}
	ctx->route = 1;
	return full ? HTTP_ROUTE : HTTP_PASS;
}

LICENSE("MIT");
