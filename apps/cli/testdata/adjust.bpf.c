// SPDX-License-Identifier: MIT
//
// Packets that grow and shrink at either end, and metadata in front of them. After each adjustment the old pointers are
// void: the program takes them from the context anew.
#include "skep.bpf.h"

volatile const u16 vlan_id = 42;

// Puts a VLAN tag in front of the Ethernet type.
SEC("xdp")
int push_vlan(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct ethhdr outer;
	struct vlan_hdr *vlan;

	if ((void *)(eth + 1) > xdp_data_end(ctx))
		return XDP_PASS;
	__builtin_memcpy(&outer, eth, sizeof(outer));

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*vlan)))
		return XDP_ABORTED;
	eth = xdp_data(ctx);
	vlan = (void *)(eth + 1);
	if ((void *)(vlan + 1) > xdp_data_end(ctx))
		return XDP_ABORTED;

	vlan->h_vlan_TCI = bpf_htons(vlan_id);
	vlan->h_vlan_encapsulated_proto = outer.h_proto;
	outer.h_proto = bpf_htons(ETH_P_8021Q);
	__builtin_memcpy(eth, &outer, sizeof(outer));
	return XDP_TX;
}

// Takes the VLAN tag off those that have one.
SEC("xdp")
int pop_vlan(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct vlan_hdr *vlan = (void *)(eth + 1);
	struct ethhdr inner;

	if ((void *)(vlan + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_8021Q))
		return XDP_PASS;
	__builtin_memcpy(&inner, eth, sizeof(inner));
	inner.h_proto = vlan->h_vlan_encapsulated_proto;

	if (bpf_xdp_adjust_head(ctx, sizeof(*vlan)))
		return XDP_ABORTED;
	eth = xdp_data(ctx);
	if ((void *)(eth + 1) > xdp_data_end(ctx))
		return XDP_ABORTED;
	__builtin_memcpy(eth, &inner, sizeof(inner));
	return XDP_TX;
}

struct mark {
	u32 magic;
	u32 length;
};

// Leaves a mark in the metadata, where a later program finds it, and reads it back.
SEC("xdp")
int set_mark(struct xdp_md *ctx)
{
	struct mark *mark;
	u32 length = xdp_data_end(ctx) - xdp_data(ctx);

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*mark)))
		return XDP_ABORTED;
	mark = xdp_data_meta(ctx);
	if ((void *)(mark + 1) > xdp_data(ctx))
		return XDP_ABORTED;
	mark->magic = 0x534b4550;
	mark->length = length;
	return mark->length > 1000 ? XDP_DROP : XDP_PASS;
}

// Cuts packets to 64 bytes.
SEC("xdp")
int trim(struct xdp_md *ctx)
{
	int length = xdp_data_end(ctx) - xdp_data(ctx);

	if (length <= 64)
		return XDP_PASS;
	return bpf_xdp_adjust_tail(ctx, 64 - length) ? XDP_ABORTED : XDP_TX;
}

// Appends eight bytes, which come zeroed, and fills in half of them.
SEC("xdp")
int append(struct xdp_md *ctx)
{
	u32 length = xdp_data_end(ctx) - xdp_data(ctx);
	u8 trailer[4] = { 's', 'k', 'e', 'p' };

	if (bpf_xdp_adjust_tail(ctx, 8))
		return XDP_PASS; // no room
	return bpf_xdp_store_bytes(ctx, length, trailer, sizeof(trailer)) ? XDP_ABORTED : XDP_TX;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
