// SPDX-License-Identifier: MIT
//
// Parsers with bounded loops that stay loops: the extension headers of IPv6, the options of TCP, a name in a DNS query.
#include "verify.bpf.h"

#ifndef OPTIONS
#define OPTIONS 8
#endif
#ifndef NAME
#define NAME 63
#endif
#define ROLLED _Pragma("clang loop unroll(disable)")

struct query {
	char name[128];
	u16 type;
	u16 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct query);
	__type(value, u64);
	__uint(max_entries, 4096);
} queries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 256);
} kinds SEC(".maps");

static __always_inline void count(u32 kind)
{
	u64 *counter = bpf_map_lookup_elem(&kinds, &kind);

	if (counter)
		*counter += 1;
}

// Keeps the compiler from knowing what it knows, so that the verifier sees the same.
#define hide(x) asm volatile("" : "+r"(x))

static __always_inline int tcp_options(void *options, void *end, u64 length)
{
	u64 at = 0;
	int scale = -1;

	ROLLED for (int i = 0; i < OPTIONS; i++) {
		u8 *p;
		u8 size;

		hide(at);
		if (at >= length || at > 40)
			break;
		p = options + at;
		if ((void *)(p + 3) > end || p[0] == 0)
			break;
		size = 1;
		if (p[0] != 1) {
			size = p[1];
			if (size < 2 || size > 40)
				return -1;
			if (p[0] == 3 && size == 3)
				scale = p[2];
			count(p[0]);
		}
		at += size;
	}
	return scale;
}

static __always_inline int dns_name(void *name, void *end, struct query *query)
{
	u64 left = 0;

	ROLLED for (u64 i = 0; i < NAME; i++) {
		u8 *p = name + i;
		u8 c;

		if ((void *)(p + 1) > end)
			return -1;
		c = *p;
		hide(left);
		if (left == 0) {
			if (c == 0) {
				query->length = i;
				return 0;
			}
			if (c > 63)
				return -1;
			left = c;
			c = '.';
		} else {
			left--;
			if (c >= 'A' && c <= 'Z')
				c += 'a' - 'A';
		}
		query->name[i] = c;
	}
	return -1;
}

SEC("xdp")
int parser(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = data;
	struct ipv6hdr *ip = (void *)(eth + 1);
	struct query query = {};
	void *l4 = (void *)(ip + 1);
	u64 now = bpf_ktime_get_ns();
	u8 next;

	if (l4 > end || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	next = ip->nexthdr;
	ROLLED for (int i = 0; i < 8; i++) {
		struct ipv6_opt_hdr *option = l4;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		if ((void *)(option + 1) > end)
			return XDP_DROP;
		next = option->nexthdr;
		l4 += (option->hdrlen + 1) * 8;
		if (l4 > end)
			return XDP_DROP;
	}
	if (next == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end || tcp->doff < 5)
			return XDP_DROP;
		return tcp_options(tcp + 1, end, (tcp->doff - 5) * 4) > 14 ? XDP_DROP : XDP_PASS;
	}
	if (next == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || udp->dest != bpf_htons(53))
			return XDP_PASS;
		if (dns_name((void *)(udp + 1) + 12, end, &query))
			return XDP_DROP;
		bpf_map_update_elem(&queries, &query, &now, BPF_ANY);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
