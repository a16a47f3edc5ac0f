// SPDX-License-Identifier: MIT
//
// A program of about 3,000 instructions without a loop: rules, one after the other, each of which mixes a part of the packet's
// flow into a mark.
#include "bench.bpf.h"

struct packet {
	u32 saddr;
	u32 daddr;
	u32 ports;
	u32 length;
};

// A rule with numbers of its own. The barrier keeps the compiler from computing all rules at once.
#define RULE(n)                                                                                  \
	do {                                                                                     \
		u32 field = ((n) & 1) ? packet.saddr : packet.daddr;                             \
		mark ^= ((field ^ mark) >> ((n) % 23)) * ((n) * 37 + 1);                         \
		mark = mark << ((n) % 13 + 3) | mark >> (29 - (n) % 13);                         \
		packet.length += (mark & packet.ports) + (n) * 29;                               \
		__asm__ volatile("" : "+r"(mark), "+r"(packet.length));                          \
	} while (0)
#define RULES5(n) RULE(n); RULE(n + 1); RULE(n + 2); RULE(n + 3); RULE(n + 4)
// One in 25 may end it all.
#define RULES25(n) RULES5(n); RULES5(n + 5); RULES5(n + 10); RULES5(n + 15); RULES5(n + 20); if (mark == (n)) return XDP_PASS
#define RULES125(n) RULES25(n); RULES25(n + 25); RULES25(n + 50); RULES25(n + 75); RULES25(n + 100)

SEC("xdp")
int long_program(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	struct udphdr *udp = (void *)(ip + 1);
	struct packet packet;
	u32 mark;

	if (!ip || (void *)(udp + 1) > xdp_data_end(ctx))
		return XDP_PASS;
	mark = (u32)ip->id << 16 | udp->len;
	packet.saddr = bpf_ntohl(ip->saddr);
	packet.daddr = bpf_ntohl(ip->daddr);
	packet.ports = (u32)bpf_ntohs(udp->source) << 16 | bpf_ntohs(udp->dest);
	packet.length = ip->check;
	RULES125(1);
	RULES25(126);
	RULES25(151);
	RULES25(176);
	RULES25(201);
	RULES5(226);
	return (mark ^ packet.length) & 0x7fffffff;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
