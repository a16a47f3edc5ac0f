// SPDX-License-Identifier: MIT
// Does what takes longest for each of its instructions, until it has no more.
#include "tenant.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, char[4096]);
} large SEC(".maps");

SEC("http")
int busy(struct http_request *ctx)
{
	__u32 from = 0, to = 1;
	static char zeros[4096];
	void *value;

	bpf_map_update_elem(&large, &from, zeros, 0);
	value = bpf_map_lookup_elem(&large, &from);
	for (int n = 0; value && n < 2500; n++)
		bpf_map_update_elem(&large, &to, value, 0);
	return HTTP_PASS;
}

LICENSE("MIT");
