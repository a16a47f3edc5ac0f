// SPDX-License-Identifier: MIT
//
// Puts an event of 64 bytes into a ring buffer for each packet: reserve, fill in, submit.
#include "bench.bpf.h"

struct event {
	u64 number;
	be32 saddr;
	be32 daddr;
	u32 length;
	u16 proto;
	u16 zero;
	u8 bytes[40];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

SEC("xdp")
int ring_output(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	u8 *data = xdp_data(ctx), *end = xdp_data_end(ctx);
	struct event *event;
	u32 first = 0;
	u64 *number;

	if (!ip || (void *)(data + 54) > (void *)end)
		return XDP_PASS;
	number = bpf_map_lookup_elem(&numbers, &first);
	if (!number)
		return XDP_ABORTED;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return XDP_ABORTED;
	event->number = (*number)++;
	event->saddr = ip->saddr;
	event->daddr = ip->daddr;
	event->length = end - data;
	event->proto = ip->protocol;
	event->zero = 0;
	__builtin_memcpy(event->bytes, data + 14, sizeof(event->bytes));
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
