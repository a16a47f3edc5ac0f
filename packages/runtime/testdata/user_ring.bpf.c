// SPDX-License-Identifier: MIT
//
// A program that takes the host's records: what it sees of them is in `seen`, what it answers in its result.
#include "skep.bpf.h"

struct bpf_dynptr {
	u64 opaque[2];
};

static long (*user_ringbuf_drain)(void *map, void *callback, void *context, u64 flags) = (void *)209;
static long (*dynptr_read)(void *to, u32 size, const struct bpf_dynptr *from, u32 offset, u64 flags) = (void *)201;

#define MOST 64

struct {
	__uint(type, 31 /* BPF_MAP_TYPE_USER_RINGBUF */);
	__uint(max_entries, 4096);
} requests SEC(".maps");

struct sample {
	u64 first;
	u64 read;
	u64 again;
};

struct sample seen[MOST];
u64 flags;
u64 stop_at;
u64 count;
s64 drained;

static long take(const struct bpf_dynptr *record, void *context)
{
	u64 n = count++;
	u64 first = 0;

	if (n < MOST) {
		seen[n].read = dynptr_read(&first, sizeof(first), record, 0, 0);
		seen[n].first = first;
	}
	return count == stop_at;
}

SEC("xdp") int drain(struct xdp_md *ctx)
{
	drained = user_ringbuf_drain(&requests, take, 0, flags);
	return 1;
}

char _license[] SEC("license") = "GPL";
