// SPDX-License-Identifier: MIT
//
// Sockets that are steered: a parser of frames with their length in front, verdicts that send them to other sockets, and a
// verdict on what is sent.
#include "skep.bpf.h"

static long (*const skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;
static long (*const skb_store_bytes)(void *skb, u32 offset, const void *from, u32 len, u64 flags) = (void *)9;
static long (*const skb_change_tail)(void *skb, u32 len, u64 flags) = (void *)38;
static long (*const sk_redirect_map)(void *skb, void *map, u32 key, u64 flags) = (void *)52;
static long (*const sk_redirect_hash)(void *skb, void *map, void *key, u64 flags) = (void *)72;
static long (*const msg_redirect_hash)(void *msg, void *map, void *key, u64 flags) = (void *)71;

struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family;
	u32 remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
};

struct sk_msg_md {
	void *data, *data_end;
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, size;
};

struct {
	__uint(type, 15 /* BPF_MAP_TYPE_SOCKMAP */);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u32);
} sockets SEC(".maps");

struct {
	__uint(type, 18 /* BPF_MAP_TYPE_SOCKHASH */);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u32);
} other SEC(".maps");

#define SK_DROP 0
#define SK_PASS 1
#define BPF_F_INGRESS 1

// A connection's two ports. The remote one comes in network order, in the upper half.
static __always_inline u32 connection(u32 local, u32 remote)
{
	return local << 16 | bpf_ntohl(remote);
}

u64 messages;
u64 bytes;
u32 local_port;
u32 remote_port;

// A frame: two bytes of length, in network order and without themselves, one that says where to, and the rest.
SEC("sk_skb/stream_parser") int frames(struct __sk_buff *skb)
{
	be16 length;

	if (skb_load_bytes(skb, 0, &length, 2))
		return 0;
	// More than this is nobody's frame.
	if (bpf_ntohs(length) == 0xffff)
		return -71;
	return 2 + bpf_ntohs(length);
}

SEC("sk_skb/stream_verdict") int by_first_byte(struct __sk_buff *skb)
{
	u8 to = 0;

	messages++;
	bytes += skb->len;
	local_port = skb->local_port;
	remote_port = skb->remote_port;
	if (skb_load_bytes(skb, 2, &to, 1))
		return SK_DROP;
	if (to == 'p')
		return SK_PASS;
	if (to == 'd')
		return SK_DROP;
	if (to == 'i')
		return sk_redirect_map(skb, &sockets, 1, BPF_F_INGRESS);
	return sk_redirect_map(skb, &sockets, to - '0', 0);
}

// All goes to the other of two sockets, as a proxy does it.
SEC("sk_skb/stream_verdict") int across(struct __sk_buff *skb)
{
	u32 key = connection(skb->local_port, skb->remote_port);

	messages++;
	bytes += skb->len;
	return sk_redirect_hash(skb, &other, &key, 0);
}

// As it, with upper case letters and an end of line.
SEC("sk_skb/stream_verdict") int aloud(struct __sk_buff *skb)
{
	u8 *data = (void *)(long)skb->data;
	u8 end = '\n';
	u32 key = connection(skb->local_port, skb->remote_port);
	u32 length = skb->len;

	if (data + 1 <= (u8 *)(long)skb->data_end && data[0] >= 'a' && data[0] <= 'z')
		data[0] -= 'a' - 'A';
	if (skb_change_tail(skb, length + 1, 0) || skb_store_bytes(skb, length, &end, 1, 0))
		return SK_DROP;
	return sk_redirect_hash(skb, &other, &key, 0);
}

SEC("sk_msg") int on_send(struct sk_msg_md *msg)
{
	u8 *data = msg->data;
	u32 key = connection(msg->local_port, msg->remote_port);

	messages++;
	bytes += msg->size;
	if (data + 1 > (u8 *)msg->data_end || data[0] == 'd')
		return SK_DROP;
	if (data[0] == 'p')
		return SK_PASS;
	return msg_redirect_hash(msg, &other, &key, data[0] == 'i' ? BPF_F_INGRESS : 0);
}

char _license[] SEC("license") = "GPL";
