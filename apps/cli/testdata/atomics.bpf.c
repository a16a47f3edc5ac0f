// SPDX-License-Identifier: MIT
//
// Every atomic operation of -mcpu=v3 in both widths, on a global variable, a map's value and the stack.
#include "skep.bpf.h"

struct totals {
	u64 added;
	u64 ored;
	u64 anded;
	u64 xored;
	u64 exchanged;
	u64 compared;
	u32 added32;
	u32 ored32;
	u32 anded32;
	u32 xored32;
	u32 exchanged32;
	u32 compared32;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct totals);
} totals SEC(".maps");

u64 sequence;

// The old values come back and are mixed into the verdict.
SEC("xdp")
int fetching(struct xdp_md *ctx)
{
	u32 zero = 0;
	u64 length = xdp_data_end(ctx) - xdp_data(ctx);
	struct totals *t = bpf_map_lookup_elem(&totals, &zero);
	u64 on_stack = length;
	u64 old;

	if (!t)
		return XDP_ABORTED;
	old = __sync_fetch_and_add(&sequence, 1);
	old ^= __sync_fetch_and_add(&t->added, length);
	old ^= __sync_fetch_and_or(&t->ored, length);
	old ^= __sync_fetch_and_and(&t->anded, ~length);
	old ^= __sync_fetch_and_xor(&t->xored, length << 32 | length);
	old ^= __sync_lock_test_and_set(&t->exchanged, length);
	old ^= __sync_val_compare_and_swap(&t->compared, t->compared & 1 ? 0 : t->compared, length);
	old ^= __sync_fetch_and_add(&t->added32, (u32)length);
	old ^= __sync_fetch_and_or(&t->ored32, (u32)length);
	old ^= __sync_fetch_and_and(&t->anded32, ~(u32)length);
	old ^= __sync_fetch_and_xor(&t->xored32, (u32)length);
	old ^= __sync_lock_test_and_set(&t->exchanged32, (u32)length);
	old ^= __sync_val_compare_and_swap(&t->compared32, 0, (u32)length);
	old ^= __sync_fetch_and_add(&on_stack, old);
	return (old ^ on_stack) % 3 ? XDP_PASS : XDP_DROP;
}

// Nobody looks at the old values.
SEC("xdp")
int plain(struct xdp_md *ctx)
{
	u32 zero = 0;
	u64 length = xdp_data_end(ctx) - xdp_data(ctx);
	struct totals *t = bpf_map_lookup_elem(&totals, &zero);

	if (!t)
		return XDP_ABORTED;
	__sync_fetch_and_add(&t->added, length);
	__sync_fetch_and_or(&t->ored, length);
	__sync_fetch_and_and(&t->anded, ~length);
	__sync_fetch_and_xor(&t->xored, length);
	__sync_fetch_and_add(&t->added32, (u32)length);
	__sync_fetch_and_or(&t->ored32, (u32)length);
	__sync_fetch_and_and(&t->anded32, ~(u32)length);
	__sync_fetch_and_xor(&t->xored32, (u32)length);
	return t->xored & 1 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
