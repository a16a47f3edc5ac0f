/* Programs of type http_request; made by skep gen header. */
/* SEC("http") */
#ifndef SKEP_HTTP_REQUEST_H
#define SKEP_HTTP_REQUEST_H

#include <linux/types.h>

struct http_request {
	__u32 method;
	__u32 path_len;
	__u32 body_len;
	__u32 route;
	__u32 calls;
	__u8 client[16];
	__u8 reserved_36[4];
	union {
		void *data;
		__u64 :64;
	} __attribute__((aligned(8)));
	union {
		void *data_end;
		__u64 :64;
	} __attribute__((aligned(8)));
};
_Static_assert(__builtin_offsetof(struct http_request, method) == 0, "layout");
_Static_assert(__builtin_offsetof(struct http_request, path_len) == 4, "layout");
_Static_assert(__builtin_offsetof(struct http_request, body_len) == 8, "layout");
_Static_assert(__builtin_offsetof(struct http_request, route) == 12, "layout");
_Static_assert(__builtin_offsetof(struct http_request, calls) == 16, "layout");
_Static_assert(__builtin_offsetof(struct http_request, client) == 20, "layout");
_Static_assert(__builtin_offsetof(struct http_request, data) == 40, "layout");
_Static_assert(__builtin_offsetof(struct http_request, data_end) == 48, "layout");
_Static_assert(sizeof(struct http_request) == 56, "layout");

enum http_request_verdict {
	HTTP_PASS = 0,
	HTTP_DENY = 1,
	HTTP_ROUTE = 2,
};

enum http_request_constant {
	HTTP_GET = 0x1,
	HTTP_HEAD = 0x2,
	HTTP_POST = 0x3,
	HTTP_PUT = 0x4,
	HTTP_DELETE = 0x5,
	HTTP_CONNECT = 0x6,
	HTTP_OPTIONS = 0x7,
	HTTP_TRACE = 0x8,
	HTTP_PATCH = 0x9,
};

static __s32 (*const http_header)(void *, const void *, __u32, void *, __u32) = (void *)65537;
static __s32 (*const http_log)(void *, const void *, __u32) = (void *)65538;

#endif /* SKEP_HTTP_REQUEST_H */
