// SPDX-License-Identifier: MIT
//
// Drops UDP to one port: three headers read, no map.
#include "bench.bpf.h"

#define BLOCKED_PORT 9999

SEC("xdp")
int drop_port(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	struct udphdr *udp;

	// The program reads ports at one place only, so it leaves packets with IP options alone.
	if (!ip || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;

	udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > xdp_data_end(ctx))
		return XDP_PASS;
	return udp->dest == bpf_htons(BLOCKED_PORT) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
