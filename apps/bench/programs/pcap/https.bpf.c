// SPDX-License-Identifier: MIT
//
// What `tcpdump 'ip and tcp port 443 and not host 192.0.2.7'` keeps, as a socket filter and as an XDP program.
#include "../bench.bpf.h"

#define HTTPS 443
// 192.0.2.7
#define NOT_HOST 0xc0000207

#define ETH_HLEN 14
#define IP_OFFSET_MASK 0x1fff

struct __sk_buff;

// Loads from the packet, in host byte order; a load behind its end drops it.
u64 load_byte(void *skb, u64 offset) __asm__("llvm.bpf.load.byte");
u64 load_half(void *skb, u64 offset) __asm__("llvm.bpf.load.half");
u64 load_word(void *skb, u64 offset) __asm__("llvm.bpf.load.word");

SEC("socket")
int https_socket(struct __sk_buff *skb)
{
	u64 transport;

	if (load_half(skb, 12) != ETH_P_IP)
		return 0;
	if (load_byte(skb, ETH_HLEN + 9) != IPPROTO_TCP)
		return 0;
	if (load_half(skb, ETH_HLEN + 6) & IP_OFFSET_MASK)
		return 0;
	transport = ETH_HLEN + 4 * (load_byte(skb, ETH_HLEN) & 15);
	if (load_half(skb, transport) != HTTPS && load_half(skb, transport + 2) != HTTPS)
		return 0;
	if (load_word(skb, ETH_HLEN + 12) == NOT_HOST || load_word(skb, ETH_HLEN + 16) == NOT_HOST)
		return 0;
	return 262144;
}

SEC("xdp")
int https_xdp(struct xdp_md *ctx)
{
	struct iphdr *ip = ipv4_header(ctx);
	void *end = xdp_data_end(ctx);
	be16 *ports;

	if (!ip || ip->protocol != IPPROTO_TCP || (ip->frag_off & bpf_htons(IP_OFFSET_MASK)))
		return XDP_DROP;
	ports = (void *)ip + 4 * ip->ihl;
	if ((void *)(ports + 2) > end)
		return XDP_DROP;
	if (ports[0] != bpf_htons(HTTPS) && ports[1] != bpf_htons(HTTPS))
		return XDP_DROP;
	if (ip->saddr == bpf_htonl(NOT_HOST) || ip->daddr == bpf_htonl(NOT_HOST))
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
