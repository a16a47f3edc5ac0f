// SPDX-License-Identifier: MIT
//
// One packet of so many goes to the host, through a perf buffer: what the program knows of it and its first bytes.
#include "examples.h"

#define MOST_BYTES 32

struct sample {
	u32 length;
	u32 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} samples SEC(".maps");

const volatile u32 every = 1;
u32 packets;
// Samples that nobody took.
u32 missed;

SEC("xdp") int packet_samples(struct xdp_md *ctx)
{
	u64 length = ctx->data_end - ctx->data;
	struct sample sample = { length, packets++ };
	u64 bytes = length < MOST_BYTES ? length : MOST_BYTES;

	if (every == 0 || sample.number % every)
		return XDP_PASS;
	if (bpf_perf_event_output(ctx, &samples, bytes << 32 | BPF_F_CURRENT_CPU, &sample, sizeof(sample)))
		missed++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
