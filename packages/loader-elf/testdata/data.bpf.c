// SPDX-License-Identifier: MIT
//
// Globals in every section that can hold them.
#include "bpf.h"

struct point {
	short x, y;
	u64 wide;
};

const volatile u32 limit = 10;
const volatile struct point origin = { 1, -2, 3 };
const u8 table[] SEC(".rodata.table") = { 1, 2, 3, 4, 5 };
u64 state = 0x1122334455667788;
static volatile int hidden = -5;
u32 list[4] = { 1, 2, 3, 4 };
u16 custom SEC(".data.custom") = 99;
u64 zero;
static volatile u8 buffer[300];
u32 more_zero SEC(".bss.more");
const char *const names[] = { "one", "two" };
u32 *pointer = &list[2];

SEC("xdp") int program(struct xdp_md *ctx)
{
	static const char format[] = "%d %d";
	static volatile u32 calls;
	u32 index = ctx->rx_queue_index & 3;

	calls++;
	bpf_trace_printk(format, sizeof(format), limit, origin.y);
	zero += state + hidden + list[index] + custom + more_zero + table[index];
	buffer[7 + index] = (u8)zero;
	return (long)names[0] + (long)pointer ? calls : buffer[7];
}

char _license[] SEC("license") = "GPL";
