// SPDX-License-Identifier: MIT
//
// Global variables, which host and program share. The loader makes one array map of each section:
// .rodata (frozen once loaded: the verifier takes its values for constants), .data, .bss, and sections with a name added.
#include "skep.bpf.h"

struct window {
	u16 first;
	u16 last;
};

volatile const bool enabled = true;
volatile const u32 shortest = 60;
volatile const struct window dropped_ports = { .first = 9000, .last = 9999 };
const u8 verdicts[4] = { XDP_PASS, XDP_DROP, XDP_PASS, XDP_TX };

volatile const u64 step SEC(".rodata.tuning") = 3;

u64 packets = 1000; // .data: starts where the host says
u32 longest = 0x7fffffff;
static volatile u32 private_counter = 7; // static: not in the object's list of names, but in BTF

u64 bytes; // .bss
u64 by_length[4];
u32 last_length;

u64 steps SEC(".data.tuning") = 5;

static __always_inline bool is_dropped_udp(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	u16 port;

	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return false;
	if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
		return false;
	port = bpf_ntohs(udp->dest);
	return port >= dropped_ports.first && port <= dropped_ports.last;
}

SEC("xdp")
int globals(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	u32 length = end - data;

	if (!enabled)
		return XDP_PASS;

	packets++;
	bytes += length;
	last_length = length;
	steps += step;
	private_counter++;
	by_length[(length >> 8) & 3]++;

	if (length < shortest || length > longest || is_dropped_udp(data, end))
		return XDP_DROP;
	return verdicts[private_counter & 3];
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
