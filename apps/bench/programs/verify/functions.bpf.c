// SPDX-License-Identifier: MIT
//
// Functions: global ones, which are verified each by itself, and static ones, which are walked at every call.
#include "verify.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 1024);
} seen SEC(".maps");

struct state {
	u32 words[16];
	u32 length;
	u32 flags;
};

static __noinline u32 classify(u32 a, u32 b, u32 c)
{
	u32 key = mix(a, b);
	u64 *value;

	if (c & 1)
		key = mix(key, c);
	if (c & 2)
		key = mix(key, a);
	value = bpf_map_lookup_elem(&seen, &key);
	if (!value)
		return a > b ? 1 : 2;
	if (*value > c)
		return 3;
	*value += 1;
	return *value & 1 ? 4 : 5;
}

static __noinline int absorb(struct state *state, u32 word)
{
	u32 at = state->length;

	if (at > 15) {
		state->flags |= 1;
		return -1;
	}
	state->words[at] = word;
	state->length = at + 1;
	if (word > 0xffff)
		state->flags |= 2;
	else if (word == 0)
		state->flags |= 4;
	return 0;
}

__noinline u32 digest(u32 *words, u32 rounds)
{
	u32 hash = 0;

	if (!words)
		return 0;
	for (u32 i = 0; i < 64; i++) {
		if (i >= rounds)
			break;
		hash = mix(hash, *words + i);
	}
	return finish(hash);
}

__noinline int weigh(struct xdp_md *ctx, u32 offset)
{
	struct state state = {};
	u8 bytes[32] = {};
	int weight = 0;

	if (bpf_xdp_load_bytes(ctx, offset & 0xff, bytes, sizeof(bytes)))
		return -1;
	_Pragma("clang loop unroll(full)") for (int i = 0; i < 14; i++) {
		if (absorb(&state, bytes[i] * (bytes[i + 1] << 8)))
			return -1;
		weight += classify(bytes[i], bytes[i + 2], state.flags);
	}
	return weight + digest(state.words, state.length);
}

__noinline int chain(struct xdp_md *ctx, u32 hops)
{
	int total = 0;

	_Pragma("clang loop unroll(disable)") for (u32 i = 0; i < 100; i++) {
		if (i >= hops)
			break;
		total += weigh(ctx, i * 4);
		if (classify(total, i, hops) == 3)
			total ^= hops;
	}
	return total;
}

SEC("xdp")
int functions(struct xdp_md *ctx)
{
	struct state state = {};
	u32 length = xdp_data_end(ctx) - xdp_data(ctx);
	int total = chain(ctx, length & 63);

	_Pragma("clang loop unroll(full)") for (int i = 0; i < 12; i++) {
		u32 word = classify(total, i, length);

		if (absorb(&state, word * i))
			return XDP_ABORTED;
		if (word == 2)
			total += weigh(ctx, i);
	}
	return digest(state.words, length) & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
