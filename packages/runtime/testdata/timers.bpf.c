// SPDX-License-Identifier: MIT
//
// Timers and work queues: what the calls give, and what their callbacks see.
#include "special.h"

struct elem {
	u64 runs;
	struct bpf_timer timer;
	u64 key;
	struct bpf_wq wq;
	u64 queued;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, u32);
	__type(value, struct elem);
} elements SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct elem);
} slots SEC(".maps");

// What the calls gave, in order.
s64 results[16];
s64 in_callback[4];
u64 fired;
u64 delay = 20000000;
u32 arg;
u32 again;

static int on_time(void *map, u32 *key, struct elem *value)
{
	value->key = *key;
	fired++;
	in_callback[0] = timer_cancel(&value->timer);
	if (again > 0) {
		again--;
		in_callback[1] = timer_start(&value->timer, delay, 0);
	}
	// Last: who sees it may change what the callback looks at.
	value->runs++;
	return 0;
}

static int on_work(void *map, int *key, void *data)
{
	struct elem *value = data;

	value->key = *(u32 *)key + 100;
	value->queued++;
	return 0;
}

// What each call gives, in every state of a timer.
SEC("xdp") int states(void *ctx)
{
	u32 key = 1;
	struct elem first = {};
	struct elem *e;

	bpf_map_update_elem(&elements, &key, &first, 0);
	e = bpf_map_lookup_elem(&elements, &key);
	if (!e)
		return 1;
	results[0] = timer_start(&e->timer, delay, 0);
	results[1] = timer_cancel(&e->timer);
	results[2] = timer_set_callback(&e->timer, on_time);
	results[3] = timer_init(&e->timer, &elements, 5);
	results[4] = timer_init(&e->timer, &elements, 16);
	results[5] = timer_init(&e->timer, &elements, 1);
	results[6] = timer_init(&e->timer, &elements, 1);
	results[7] = timer_start(&e->timer, delay, 0);
	results[8] = timer_cancel(&e->timer);
	results[9] = timer_set_callback(&e->timer, on_time);
	results[10] = timer_start(&e->timer, delay, 4);
	results[11] = timer_start(&e->timer, delay, 0);
	results[12] = timer_cancel(&e->timer);
	results[13] = timer_cancel(&e->timer);
	results[14] = timer_start(&e->timer, delay, 0);
	results[15] = timer_set_callback(&e->timer, on_time);
	return timer_start(&e->timer, delay, 0);
}

// Starts the timer of an element of the hash, whose key is `arg`.
SEC("xdp") int start(void *ctx)
{
	u32 key = arg;
	struct elem first = {};
	struct elem *e;

	bpf_map_update_elem(&elements, &key, &first, 0);
	e = bpf_map_lookup_elem(&elements, &key);
	if (!e || timer_init(&e->timer, &elements, 1) || timer_set_callback(&e->timer, on_time))
		return 1;
	return timer_start(&e->timer, delay, 0);
}

SEC("xdp") int start_slot(void *ctx)
{
	u32 key = arg;
	struct elem *e = bpf_map_lookup_elem(&slots, &key);

	if (!e)
		return 1;
	timer_init(&e->timer, &slots, 7);
	if (timer_set_callback(&e->timer, on_time))
		return 2;
	return timer_start(&e->timer, delay, 2);
}

// At a point of time that is long gone.
SEC("xdp") int start_late(void *ctx)
{
	u32 key = arg;
	struct elem *e = bpf_map_lookup_elem(&slots, &key);

	if (!e)
		return 1;
	timer_init(&e->timer, &slots, 1);
	if (timer_set_callback(&e->timer, on_time))
		return 2;
	return timer_start(&e->timer, 1, 1);
}

SEC("xdp") int queue(void *ctx)
{
	u32 key = arg;
	struct elem *e = bpf_map_lookup_elem(&slots, &key);

	if (!e)
		return 1;
	results[0] = bpf_wq_start(&e->wq, 0);
	results[1] = bpf_wq_set_callback_impl(&e->wq, on_work, 0, NULL);
	results[2] = bpf_wq_init(&e->wq, &slots, 1);
	results[3] = bpf_wq_init(&e->wq, &slots, 0);
	results[4] = bpf_wq_init(&e->wq, &slots, 0);
	results[5] = bpf_wq_start(&e->wq, 0);
	results[6] = bpf_wq_set_callback_impl(&e->wq, on_work, 2, NULL);
	results[7] = bpf_wq_set_callback_impl(&e->wq, on_work, 0, NULL);
	results[8] = bpf_wq_start(&e->wq, 1);
	results[9] = bpf_wq_start(&e->wq, 0);
	results[10] = bpf_wq_start(&e->wq, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
