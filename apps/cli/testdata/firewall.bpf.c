// SPDX-License-Identifier: MIT
//
// A packet filter for XDP. It drops
// - packets from the IPv4 sources in `blocked`, counting how often each one tried,
// - UDP to one port, echo requests, and TCP with flags that no honest stack sends,
// - what a source sends beyond its share per minute,
// - packets too short for the headers that they claim to have,
// passes the rest, and counts all of them by protocol.
#include "skep.bpf.h"

// Set by the host before it loads the program. 0 switches a rule off.
volatile const u16 blocked_udp_port = 9999;
volatile const bool block_echo_requests = false;
volatile const u32 packets_per_minute = 0;

enum protocol {
	OTHER,
	ARP,
	ICMP,
	TCP,
	UDP,
	ICMPV6,
	PROTOCOLS,
};

struct traffic {
	u64 packets;
	u64 bytes;
	u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROTOCOLS);
	__type(key, u32); // enum protocol
	__type(value, struct traffic);
} traffic SEC(".maps");

// The host decides who is blocked: it adds an address with the value 0 and reads the value to see how often it tried.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, be32);
	__type(value, u64);
} blocked SEC(".maps");

struct share {
	u64 since; // ns
	u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, be32);
	__type(value, struct share);
} shares SEC(".maps");

#define MINUTE 60000000000ULL
#define MAX_VLAN_TAGS 2
#define MAX_EXTENSION_HEADERS 4

// How far into the packet the parsers have come.
struct cursor {
	void *at;
	void *end;
};

// The verifier lets a header be read only after a comparison with the packet's end.
#define next_header(cursor, type)                                              \
	({                                                                     \
		type *header = (cursor)->at;                                   \
		if ((void *)(header + 1) > (cursor)->end)                      \
			header = NULL;                                         \
		else                                                           \
			(cursor)->at = header + 1;                             \
		header;                                                        \
	})

static __always_inline bool is_blocked(be32 source)
{
	u64 *hits = bpf_map_lookup_elem(&blocked, &source);

	if (!hits)
		return false;
	if (*hits == 0)
		bpf_printk("firewall: blocked %pI4", &source);
	__sync_fetch_and_add(hits, 1);
	return true;
}

static __always_inline bool exceeds_share(be32 source)
{
	u64 now;
	struct share *share;

	if (!packets_per_minute)
		return false;

	now = bpf_ktime_get_ns();
	share = bpf_map_lookup_elem(&shares, &source);
	if (!share || now - share->since >= MINUTE) {
		struct share first = { .since = now, .packets = 1 };

		bpf_map_update_elem(&shares, &source, &first, BPF_ANY);
		return false;
	}
	__sync_fetch_and_add(&share->packets, 1);
	return share->packets > packets_per_minute;
}

static __always_inline int filter_tcp(struct cursor *cursor)
{
	struct tcphdr *tcp = next_header(cursor, struct tcphdr);

	if (!tcp)
		return XDP_DROP;
	if (tcp->flags == 0 || (tcp->flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN))
		return XDP_DROP;
	return XDP_PASS;
}

static __always_inline int filter_udp(struct cursor *cursor)
{
	struct udphdr *udp = next_header(cursor, struct udphdr);

	if (!udp)
		return XDP_DROP;
	if (blocked_udp_port && udp->dest == bpf_htons(blocked_udp_port))
		return XDP_DROP;
	return XDP_PASS;
}

static __always_inline int filter_icmp(struct cursor *cursor, u8 echo_request)
{
	struct icmphdr *icmp = next_header(cursor, struct icmphdr);

	if (!icmp)
		return XDP_DROP;
	if (block_echo_requests && icmp->type == echo_request)
		return XDP_DROP;
	return XDP_PASS;
}

static __always_inline int filter_transport(struct cursor *cursor, u8 protocol, bool fragment, u32 *counted_as)
{
	switch (protocol) {
	case IPPROTO_TCP:
		*counted_as = TCP;
		return fragment ? XDP_PASS : filter_tcp(cursor);
	case IPPROTO_UDP:
		*counted_as = UDP;
		return fragment ? XDP_PASS : filter_udp(cursor);
	case IPPROTO_ICMP:
		*counted_as = ICMP;
		return fragment ? XDP_PASS : filter_icmp(cursor, ICMP_ECHO);
	case IPPROTO_ICMPV6:
		*counted_as = ICMPV6;
		return fragment ? XDP_PASS : filter_icmp(cursor, ICMPV6_ECHO_REQUEST);
	}
	return XDP_PASS;
}

static __always_inline int filter_ipv4(struct cursor *cursor, u32 *counted_as)
{
	void *start = cursor->at;
	struct iphdr *ip = next_header(cursor, struct iphdr);
	bool fragment;
	int verdict;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return XDP_DROP;

	// Only a datagram's first fragment has a transport header.
	fragment = ip->frag_off & bpf_htons(IP_OFFSET);
	cursor->at = start + ip->ihl * 4;
	verdict = filter_transport(cursor, ip->protocol, fragment, counted_as);

	if (is_blocked(ip->saddr) || exceeds_share(ip->saddr))
		return XDP_DROP;
	return verdict;
}

static __always_inline int filter_ipv6(struct cursor *cursor, u32 *counted_as)
{
	struct ipv6hdr *ip6 = next_header(cursor, struct ipv6hdr);
	bool fragment = false;
	u8 protocol;

	if (!ip6 || ip6->version != 6)
		return XDP_DROP;

	protocol = ip6->nexthdr;
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		void *start = cursor->at;
		struct ipv6_opt_hdr *extension;

		if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_ROUTING && protocol != IPPROTO_FRAGMENT &&
		    protocol != IPPROTO_DSTOPTS)
			break;
		extension = next_header(cursor, struct ipv6_opt_hdr);
		if (!extension)
			return XDP_DROP;
		if (protocol == IPPROTO_FRAGMENT) {
			be16 *offset = next_header(cursor, be16);

			if (!offset)
				return XDP_DROP;
			fragment = *offset & bpf_htons(0xfff8);
			cursor->at = start + 8;
		} else {
			cursor->at = start + 8 + extension->hdrlen * 8;
		}
		protocol = extension->nexthdr;
	}
	return filter_transport(cursor, protocol, fragment, counted_as);
}

static __always_inline int filter(struct cursor *cursor, u32 *counted_as)
{
	struct ethhdr *eth = next_header(cursor, struct ethhdr);
	be16 type;

	if (!eth)
		return XDP_DROP;

	type = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_hdr *vlan;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		vlan = next_header(cursor, struct vlan_hdr);
		if (!vlan)
			return XDP_DROP;
		type = vlan->h_vlan_encapsulated_proto;
	}

	if (type == bpf_htons(ETH_P_IP))
		return filter_ipv4(cursor, counted_as);
	if (type == bpf_htons(ETH_P_IPV6))
		return filter_ipv6(cursor, counted_as);
	if (type == bpf_htons(ETH_P_ARP))
		*counted_as = ARP;
	return XDP_PASS;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct cursor cursor = { .at = xdp_data(ctx), .end = xdp_data_end(ctx) };
	u64 length = cursor.end - cursor.at;
	u32 counted_as = OTHER;
	int verdict = filter(&cursor, &counted_as);
	struct traffic *counts = bpf_map_lookup_elem(&traffic, &counted_as);

	if (counts) {
		counts->packets++;
		counts->bytes += length;
		if (verdict == XDP_DROP)
			counts->dropped++;
	}
	return verdict;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
