// SPDX-License-Identifier: MIT
//
// The Internet checksum (RFC 1071), checked and updated with bpf_csum_diff and by hand.
#include "skep.bpf.h"

volatile const be32 new_destination = 0x0100a8c0; // 192.168.0.1 as it lies on the wire

static __always_inline u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline struct iphdr *ipv4_header(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return NULL;
	return ip;
}

// Drops IPv4 with a wrong header checksum.
SEC("xdp")
int verify_by_helper(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);

	if (!ip)
		return XDP_PASS;
	return fold(bpf_csum_diff(NULL, 0, (be32 *)ip, sizeof(*ip), 0)) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int verify_by_hand(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	u16 *word = (u16 *)ip;
	u32 sum = 0;

	if (!ip)
		return XDP_PASS;
	for (u32 i = 0; i < sizeof(*ip) / 2; i++)
		sum += word[i];
	return fold(sum) ? XDP_DROP : XDP_PASS;
}

// Sends IPv4 to another destination. The transport's checksum covers the address too.
SEC("xdp")
int rewrite_destination(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	be32 old_address, new_address = new_destination;
	s64 difference;

	if (!ip)
		return XDP_PASS;
	old_address = ip->daddr;
	difference = bpf_csum_diff(&old_address, sizeof(old_address), &new_address, sizeof(new_address), 0);
	ip->daddr = new_address;
	ip->check = fold(difference + (u16)~ip->check);

	if (!(ip->frag_off & bpf_htons(IP_OFFSET))) {
		void *end = xdp_data_end(ctx);

		if (ip->protocol == IPPROTO_TCP) {
			struct tcphdr *tcp = (void *)(ip + 1);

			if ((void *)(tcp + 1) <= end)
				tcp->check = fold(difference + (u16)~tcp->check);
		} else if (ip->protocol == IPPROTO_UDP) {
			struct udphdr *udp = (void *)(ip + 1);

			if ((void *)(udp + 1) <= end && udp->check)
				udp->check = fold(difference + (u16)~udp->check);
		}
	}
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
