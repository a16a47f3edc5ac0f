// SPDX-License-Identifier: MIT
// Copies a megabyte with every call.
#include "tenant.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, char[1 << 20]);
} wide SEC(".maps");

SEC("http")
int wide_map(struct http_request *ctx)
{
	__u32 from = 0, to = 1;
	void *value = bpf_map_lookup_elem(&wide, &from);

	for (int n = 0; value && n < 1000; n++)
		bpf_map_update_elem(&wide, &to, value, 0);
	return HTTP_PASS;
}

LICENSE("MIT");
