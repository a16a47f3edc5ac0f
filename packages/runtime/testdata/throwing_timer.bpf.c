// SPDX-License-Identifier: MIT
//
// A timer whose callback calls a helper of a plugin, which may throw.
#include "special.h"

struct elem {
	u64 runs;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct elem);
} slots SEC(".maps");

static long (*const acme_step)(void) = (void *)0x10001;

static int on_time(void *map, u32 *key, struct elem *value)
{
	value->runs++;
	acme_step();
	value->runs += 10;
	return 0;
}

SEC("xdp") int start(void *ctx)
{
	u32 key = 0;
	struct elem *e = bpf_map_lookup_elem(&slots, &key);

	if (!e)
		return 1;
	timer_init(&e->timer, &slots, 1);
	if (timer_set_callback(&e->timer, on_time))
		return 2;
	return timer_start(&e->timer, 1000, 0);
}

char LICENSE[] SEC("license") = "GPL";
