// SPDX-License-Identifier: MIT
//
// Sends an IPv4 packet back where it came from: MAC and IP addresses swapped, one hop less to live, the header's checksum
// brought up to date by what changed (RFC 1624).
#include "bench.bpf.h"

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	u16 *mac = xdp_data(ctx);
	be32 source;
	u32 sum;

	if (!ip)
		return XDP_PASS;

	for (int i = 0; i < ETH_ALEN / 2; i++) {
		u16 part = mac[i];

		mac[i] = mac[i + ETH_ALEN / 2];
		mac[i + ETH_ALEN / 2] = part;
	}
	source = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = source;

	// A test run that repeats has one packet for all runs, so the hop count is left to wrap around.
	ip->ttl--;
	sum = ip->check + bpf_htons(0x0100);
	ip->check = sum + (sum >> 16);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
