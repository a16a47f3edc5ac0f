// Some hundred thousand instructions: what a whole history is tried on.
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

static __noinline u32 rounds(u32 seed, u32 count)
{
	for (u32 i = 0; i < count; i++)
		seed = (seed ^ i) * 2654435761 >> 3;
	return seed;
}

SEC("xdp")
int longer(struct xdp_md *ctx)
{
	u32 value = 1;

	for (u32 i = 0; i < 200; i++) {
		struct event event = { .kind = i };
		u32 key = i & 15;

		value = rounds(value, 60);
		event.count = value;
		bpf_map_update_elem(&events, &key, &event, BPF_ANY);
		if (i % 8 == 7)
			bpf_map_delete_elem(&events, &key);
	}
	return value & 1 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
