// SPDX-License-Identifier: MIT
//
// Two functions of a struct that the kernel has for its tests (net/bpf/bpf_dummy_struct_ops.c).
#include "skep.bpf.h"

struct bpf_dummy_ops_state {
	int val;
};

struct bpf_dummy_ops {
	int (*test_1)(struct bpf_dummy_ops_state *cb);
	int (*test_2)(struct bpf_dummy_ops_state *cb, int a1, unsigned short a2, char a3, unsigned long a4);
	int (*test_sleepable)(struct bpf_dummy_ops_state *cb);
};

u64 seen[5];

SEC("struct_ops/test_1") int test_1(u64 *ctx)
{
	struct bpf_dummy_ops_state *state = (void *)ctx[0];
	int before;

	if (!state)
		return -1;
	before = state->val;
	state->val = 90;
	return before;
}

SEC("struct_ops/test_2") int test_2(u64 *ctx)
{
	struct bpf_dummy_ops_state *state = (void *)ctx[0];

	seen[0] = state != NULL;
	seen[1] = (int)ctx[1];
	seen[2] = (unsigned short)ctx[2];
	seen[3] = (char)ctx[3];
	seen[4] = ctx[4];
	if (state)
		state->val += (int)ctx[1];
	return -7;
}

SEC(".struct_ops.link") struct bpf_dummy_ops dummy = {
	.test_1 = (void *)test_1,
	.test_2 = (void *)test_2,
};

char LICENSE[] SEC("license") = "GPL";
