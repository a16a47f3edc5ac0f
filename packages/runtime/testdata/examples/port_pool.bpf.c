// SPDX-License-Identifier: MIT
//
// Gives each connection a port of the outside, as an address translator does: free ports are a stack, so that the one that came
// back last goes out first, and what was closed is a queue that the host empties in order.
#include "examples.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 16);
	__uint(value_size, sizeof(u16));
} free_ports SEC(".maps");

struct closed {
	be32 address;
	u16 port;
	u16 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__uint(value_size, sizeof(struct closed));
} closed SEC(".maps");

struct lease {
	u16 port;
	u16 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, be32);
	__type(value, struct lease);
} leases SEC(".maps");

SEC("xdp") int translate(struct xdp_md *ctx)
{
	struct lease *lease, first = {};
	struct closed record = {};
	struct tcphdr *tcp;
	struct iphdr *ip;
	be32 address;
	void *after;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	tcp = tcp_of(ctx, ip, after);
	if (!tcp)
		return XDP_PASS;
	address = ip->saddr;
	lease = bpf_map_lookup_elem(&leases, &address);
	if (!lease) {
		if (bpf_map_pop_elem(&free_ports, &first.port))
			return XDP_DROP;
		bpf_map_update_elem(&leases, &address, &first, BPF_NOEXIST);
		lease = bpf_map_lookup_elem(&leases, &address);
		if (!lease)
			return XDP_ABORTED;
	}
	lease->packets++;
	tcp->source = bpf_htons(lease->port);
	if (tcp->flags & TCP_FIN) {
		record.address = address;
		record.port = lease->port;
		record.packets = lease->packets;
		bpf_map_push_elem(&free_ports, &record.port, 0);
		// The oldest gives way when the host does not keep up.
		bpf_map_push_elem(&closed, &record, BPF_EXIST);
		bpf_map_delete_elem(&leases, &address);
	}
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
