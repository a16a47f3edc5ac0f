// SPDX-License-Identifier: MIT
//
// Requests of a server by their URL, and how long a handler takes: a histogram of powers of two.
#include "../skep.bpf.h"
#include "kprobe.h"

static long (*const bpf_probe_read_user_str)(void *dst, u32 size, const void *from) = (void *)114;

extern bool bpf_session_is_return(void) __attribute__((section(".ksyms")));
extern u64 *bpf_session_cookie(void) __attribute__((section(".ksyms")));

struct url {
	char text[32];
};

struct {
	__uint(type, 1 /* BPF_MAP_TYPE_HASH */);
	__uint(max_entries, 1024);
	__type(key, struct url);
	__type(value, u64);
} urls SEC(".maps");

u64 buckets[64];

SEC("kprobe") int count_url(struct pt_regs *ctx)
{
	struct url url = {};
	u64 one = 1, *count;

	bpf_probe_read_user_str(&url, sizeof(url), (void *)ctx->di);
	count = bpf_map_lookup_elem(&urls, &url);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&urls, &url, &one, 0);
	return 0;
}

SEC("kprobe.session") int latency(struct pt_regs *ctx)
{
	u64 now = bpf_ktime_get_ns(), *began = bpf_session_cookie();
	u32 bucket = 0;

	if (!bpf_session_is_return()) {
		*began = now;
		return 0;
	}
	for (u64 left = now - *began; left > 1 && bucket < 63; left >>= 1)
		bucket++;
	buckets[bucket & 63]++;
	return 0;
}

char _license[] SEC("license") = "GPL";
