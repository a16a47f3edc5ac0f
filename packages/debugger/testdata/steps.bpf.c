// What a debugger steps through: subprograms, a loop, a tail call, maps, a packet that changes.
#include "skep.bpf.h"

struct event {
	u32 kind;
	u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, u32);
	__type(value, struct event);
} events SEC(".maps");

int second(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {
	.values = { [0] = (void *)&second },
};

u64 total;

static __noinline u32 mix(u32 value, u32 round)
{
	value ^= round;
	value *= 2654435761;
	return value >> 3;
}

static __noinline u32 rounds(u32 seed, u32 count)
{
	for (u32 i = 0; i < count; i++)
		seed = mix(seed, i);
	return seed;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;
	u8 *end = (void *)(long)ctx->data_end;
	struct event event = { .kind = 1 };
	u32 key = 7;

	if (data + 14 > end)
		return XDP_ABORTED;
	event.count = rounds(data[0], 4);
	bpf_map_update_elem(&events, &key, &event, BPF_ANY);
	data[1] = 0xaa;
	total += event.count;
	bpf_tail_call(ctx, &next, 0);
	return XDP_DROP;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	u32 key = 7;
	struct event *event = bpf_map_lookup_elem(&events, &key);

	if (!event)
		return XDP_ABORTED;
	event->kind = 2;
	return rounds(event->count, 2) & 1 ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
