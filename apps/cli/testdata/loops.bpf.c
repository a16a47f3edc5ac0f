// SPDX-License-Identifier: MIT
//
// Loops. The verifier walks each round of a loop, so it must see that the rounds end; the body of a bpf_loop callback it
// walks only until nothing new comes out.
#include "skep.bpf.h"

#define MAX_OPTIONS 10
#define MAX_OPTION_BYTES 40 // a TCP header has at most 60 bytes, 20 of them fixed
#define MAX_EXTENSIONS 8
#define MAX_WORDS 750 // 16-bit words in 1,500 bytes

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2

u32 last_mss;
u64 extension_headers;
u64 payload_sum;

// Drops TCP that announces a maximum segment size below the one that every host must take (RFC 9293, 3.7.1).
SEC("xdp")
int tcp_options(struct xdp_md *ctx)
{
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	u32 length;
	u32 at = 0;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP || tcp->doff < 5)
		return XDP_PASS;

	length = (tcp->doff - 5) * 4;
	for (int i = 0; i < MAX_OPTIONS && at < length && at < MAX_OPTION_BYTES; i++) {
		u8 *option = (void *)(tcp + 1) + at;

		if ((void *)(option + 1) > end || option[0] == TCPOPT_EOL)
			return XDP_PASS;
		if (option[0] == TCPOPT_NOP) {
			at++;
			continue;
		}
		if ((void *)(option + 2) > end || option[1] < 2)
			return XDP_DROP;
		if (option[0] == TCPOPT_MSS) {
			if ((void *)(option + 4) > end)
				return XDP_DROP;
			last_mss = (u32)option[2] << 8 | option[3];
			return last_mss < 536 ? XDP_DROP : XDP_PASS;
		}
		at += option[1];
	}
	return XDP_PASS;
}

// Drops IPv6 with a routing header.
SEC("xdp")
int ipv6_extensions(struct xdp_md *ctx)
{
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = xdp_data(ctx);
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	void *at = ip6 + 1;
	u8 next;

	if (at > end || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;

	next = ip6->nexthdr;
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		struct ipv6_opt_hdr *extension = at;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_DSTOPTS)
			return XDP_PASS;
		if ((void *)(extension + 1) > end || next == IPPROTO_ROUTING)
			return XDP_DROP;
		extension_headers++;
		at += next == IPPROTO_FRAGMENT ? 8 : 8 + extension->hdrlen * 8;
		next = extension->nexthdr;
	}
	return XDP_DROP;
}

struct sum {
	struct xdp_md *ctx;
	u32 words;
	u32 total;
};

static long add_word(u32 index, void *context)
{
	struct sum *sum = context;
	be16 word;

	if (bpf_xdp_load_bytes(sum->ctx, index * 2, &word, sizeof(word)))
		return 1; // past the end: no further rounds
	sum->total += bpf_ntohs(word);
	sum->words++;
	return 0;
}

// Sums up the packet's whole 16-bit words and drops those whose sum is divisible by seven.
SEC("xdp")
int sum_by_callback(struct xdp_md *ctx)
{
	struct sum sum = { .ctx = ctx };

	bpf_loop(MAX_WORDS, add_word, &sum, 0);
	payload_sum += sum.total;
	return sum.total % 7 ? XDP_PASS : XDP_DROP;
}

// The same, with the loop written out.
SEC("xdp")
int sum_by_loop(struct xdp_md *ctx)
{
	void *end = xdp_data_end(ctx);
	be16 *word = xdp_data(ctx);
	u32 total = 0;

	for (int i = 0; i < MAX_WORDS; i++, word++) {
		if ((void *)(word + 1) > end)
			break;
		total += bpf_ntohs(*word);
	}
	payload_sum += total;
	return total % 7 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
