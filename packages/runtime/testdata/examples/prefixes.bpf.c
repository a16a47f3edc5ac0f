// SPDX-License-Identifier: MIT
//
// A firewall by prefixes: of the rules for a sender's address, in an LPM trie, the one with the longest prefix decides.
#include "examples.h"

struct ipv4_key {
	u32 prefixlen;
	be32 address;
};

struct ipv6_key {
	u32 prefixlen;
	struct in6_addr address;
};

struct rule {
	u32 verdict;
	u32 hits;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ipv4_key);
	__type(value, struct rule);
} ipv4_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ipv6_key);
	__type(value, struct rule);
} ipv6_rules SEC(".maps");

static __always_inline int follow(struct rule *rule)
{
	if (!rule)
		return XDP_PASS;
	rule->hits++;
	return rule->verdict;
}

SEC("xdp") int prefixes(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct ipv6hdr *ipv6 = (void *)(eth + 1);
	struct ipv4_key ipv4_key = { .prefixlen = 32 };
	struct ipv6_key ipv6_key = { .prefixlen = 128 };
	struct iphdr *ip;
	void *after;

	ip = ipv4_of(ctx, &after);
	if (ip) {
		ipv4_key.address = ip->saddr;
		return follow(bpf_map_lookup_elem(&ipv4_rules, &ipv4_key));
	}
	if ((void *)(ipv6 + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	ipv6_key.address = ipv6->saddr;
	return follow(bpf_map_lookup_elem(&ipv6_rules, &ipv6_key));
}

char LICENSE[] SEC("license") = "GPL";
