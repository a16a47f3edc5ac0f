// SPDX-License-Identifier: MIT
//
// Loops that a helper makes: callbacks that sum a packet, search a table and sort a window on the stack, one in another.
#include "verify.bpf.h"

#define WINDOW 16

struct sum {
	struct xdp_md *ctx;
	u64 sum;
	u32 at;
	u32 matches;
	u32 window[WINDOW];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 256);
} table SEC(".maps");

struct find {
	u64 wanted;
	u32 found;
	u32 rounds;
};

static long search(u32 index, void *context)
{
	struct find *find = context;
	u32 key = index & 255;
	u64 *entry = bpf_map_lookup_elem(&table, &key);

	find->rounds++;
	if (!entry)
		return 1;
	if (*entry == find->wanted) {
		find->found = key;
		return 1;
	}
	return 0;
}

static long sift(u32 index, void *context)
{
	struct sum *sum = context;
	u32 i = index;

	if (i >= WINDOW - 1)
		return 1;
	if (sum->window[i] > sum->window[i + 1]) {
		u32 high = sum->window[i];

		sum->window[i] = sum->window[i + 1];
		sum->window[i + 1] = high;
	}
	return 0;
}

static long step(u32 index, void *context)
{
	struct sum *sum = context;
	struct find find = {};
	u16 word = 0;

	if (bpf_xdp_load_bytes(sum->ctx, sum->at, &word, 2))
		return 1;
	sum->at += 2;
	sum->sum += word;
	if ((word & 15) == 0) {
		find.wanted = word;
		bpf_loop(256, search, &find, 0);
		if (find.found)
			sum->matches++;
	}
	sum->window[index & (WINDOW - 1)] = word;
	if ((index & (WINDOW - 1)) == WINDOW - 1)
		bpf_loop(WINDOW, sift, sum, 0);
	return 0;
}

SEC("xdp")
int callbacks(struct xdp_md *ctx)
{
	struct sum sum = { .ctx = ctx };

	bpf_loop(750, step, &sum, 0);
	if (sum.matches > 3)
		return XDP_DROP;
	return fold(sum.sum) ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
