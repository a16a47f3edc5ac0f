// SPDX-License-Identifier: MIT
//
// Each tenant, by VLAN, has a table of its own with the ports that it may be reached at: maps in a map, so that the host puts
// a whole new table in a tenant's place at once.
#include "examples.h"

struct ports {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u16);
	__type(value, u64);
} first_ports SEC(".maps"), next_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, struct ports);
} tenants SEC(".maps") = {
	.values = { [1] = &first_ports },
};

// The number of a VLAN's tenant, for VLANs that have one.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u16);
	__type(value, u32);
} vlans SEC(".maps");

SEC("xdp") int admit(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct vlan_hdr *vlan = (void *)(eth + 1);
	struct iphdr *ip = (void *)(vlan + 1);
	struct udphdr *udp = (void *)(ip + 1);
	u16 id, port;
	u32 *tenant;
	void *ports;
	u64 *hits;

	if ((void *)(udp + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_8021Q) ||
	    vlan->h_vlan_encapsulated_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	id = bpf_ntohs(vlan->h_vlan_TCI) & 0xfff;
	tenant = bpf_map_lookup_elem(&vlans, &id);
	if (!tenant)
		return XDP_DROP;
	ports = bpf_map_lookup_elem(&tenants, tenant);
	if (!ports)
		return XDP_DROP;
	port = bpf_ntohs(udp->dest);
	hits = bpf_map_lookup_elem(ports, &port);
	if (!hits)
		return XDP_DROP;
	++*hits;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
