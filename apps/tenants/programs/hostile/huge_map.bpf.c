// SPDX-License-Identifier: MIT
// Asks for 4 GiB.
#include "tenant.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 26);
	__type(key, __u32);
	__type(value, __u64[8]);
} huge SEC(".maps");

SEC("http")
int huge_map(struct http_request *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&huge, &key) ? HTTP_PASS : HTTP_DENY;
}

LICENSE("MIT");
