// SPDX-License-Identifier: MIT
//
// Who of a group gets a datagram or a connection.
#include "skep.bpf.h"

static long (*const skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;
static long (*const sk_select_reuseport)(void *md, void *map, void *key, u64 flags) = (void *)82;

struct sk_reuseport_md {
	void *data, *data_end;
	u32 len, eth_protocol, ip_protocol, bind_inany, hash;
};

struct __sk_buff;

struct {
	__uint(type, 20 /* BPF_MAP_TYPE_REUSEPORT_SOCKARRAY */);
	__uint(max_entries, 8);
	__type(key, u32);
	__type(value, u64);
} workers SEC(".maps");

#define SK_DROP 0
#define SK_PASS 1

u32 last_len;
u32 last_eth_protocol;
u32 last_ip_protocol;
u32 last_port;

static __always_inline int give(struct sk_reuseport_md *md, u32 key)
{
	sk_select_reuseport(md, &workers, &key, 0);
	return SK_PASS;
}

// The first byte of a datagram's payload is who gets it: d for nobody, and others that no worker has for whom the hash says.
SEC("sk_reuseport") int by_payload(struct sk_reuseport_md *md)
{
	u8 *data = md->data;

	last_len = md->len;
	last_eth_protocol = md->eth_protocol;
	last_ip_protocol = md->ip_protocol;
	if (data + 9 > (u8 *)md->data_end)
		return SK_PASS;
	last_port = bpf_ntohs(*(be16 *)(data + 2));
	return data[8] == 'd' ? SK_DROP : give(md, data[8] - '0');
}

u32 turn;
u32 members;

// One after the other.
SEC("sk_reuseport") int in_turn(struct sk_reuseport_md *md)
{
	last_len = md->len;
	last_ip_protocol = md->ip_protocol;
	if (members == 0)
		return SK_DROP;
	return give(md, turn++ % members);
}

// The older way: a socket filter returns the index.
SEC("socket") int index_of(struct __sk_buff *skb)
{
	u8 first;

	if (skb_load_bytes(skb, 0, &first, 1))
		return 0xffff;
	return first - '0';
}

char _license[] SEC("license") = "GPL";
