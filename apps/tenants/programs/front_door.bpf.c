// SPDX-License-Identifier: MIT
//
// What a tenant may want of its front door: a key for /admin, which goes to an origin of its own, no uploads of more than a
// megabyte, and a counter for each of that.
#include "tenant.h"

struct counter {
	__u64 passed;
	__u64 denied;
	__u64 routed;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct counter);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} by_method SEC(".maps");

static __always_inline int has_prefix(struct http_request *ctx, const char *prefix, __u32 size)
{
	const char *path = ctx->data;

	if (ctx->path_len < size || path + size > (char *)ctx->data_end)
		return 0;
	for (__u32 n = 0; n < size; n++)
		if (path[n] != prefix[n])
			return 0;
	return 1;
}

static __always_inline int decide(struct http_request *ctx)
{
	const char name[] = "x-api-key", wanted[] = "letmein", admin[] = "/admin";
	char key[8];

	if (ctx->body_len > 1 << 20)
		return HTTP_DENY;
	if (!has_prefix(ctx, admin, sizeof(admin) - 1))
		return HTTP_PASS;
	if (http_header(ctx, (void *)name, sizeof(name) - 1, key, sizeof(key)) != sizeof(wanted) - 1)
		return HTTP_DENY;
	for (__u32 n = 0; n < sizeof(wanted) - 1; n++)
		if (key[n] != wanted[n])
			return HTTP_DENY;
	ctx->route = 1;
	return HTTP_ROUTE;
}

SEC("http")
int front_door(struct http_request *ctx)
{
	struct counter none = {}, *count;
	__u32 method = ctx->method;
	int verdict = decide(ctx);

	count = bpf_map_lookup_elem(&by_method, &method);
	if (!count) {
		bpf_map_update_elem(&by_method, &method, &none, 0);
		count = bpf_map_lookup_elem(&by_method, &method);
		if (!count)
			return verdict;
	}
	if (verdict == HTTP_PASS)
		count->passed++;
	else if (verdict == HTTP_DENY)
		count->denied++;
	else
		count->routed++;
	return verdict;
}

LICENSE("MIT");
