// SPDX-License-Identifier: MIT
//
// Follows TCP connections in an LRU hash: when it is full, the one that was silent the longest gives its place.
#include "examples.h"

enum state { OPENING, OPEN, CLOSING };

struct flow {
	be32 saddr;
	be32 daddr;
	be16 source;
	be16 dest;
};

struct connection {
	u32 state;
	u32 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, struct flow);
	__type(value, struct connection);
} connections SEC(".maps");

// Of no connection that is known.
u32 strays;

SEC("xdp") int track(struct xdp_md *ctx)
{
	struct connection first = { OPENING, 1 };
	struct connection *known;
	struct flow flow = {};
	struct tcphdr *tcp;
	struct iphdr *ip;
	void *after;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	tcp = tcp_of(ctx, ip, after);
	if (!tcp)
		return XDP_PASS;
	flow.saddr = ip->saddr;
	flow.daddr = ip->daddr;
	flow.source = tcp->source;
	flow.dest = tcp->dest;
	if (tcp->flags & TCP_RST) {
		bpf_map_delete_elem(&connections, &flow);
		return XDP_PASS;
	}
	if ((tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		bpf_map_update_elem(&connections, &flow, &first, BPF_ANY);
		return XDP_PASS;
	}
	known = bpf_map_lookup_elem(&connections, &flow);
	if (!known) {
		strays++;
		return XDP_DROP;
	}
	known->packets++;
	if (tcp->flags & TCP_FIN)
		known->state = CLOSING;
	else if (known->state == OPENING)
		known->state = OPEN;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
