// What a packet's context says on either side of a device, for packets that are numbered in their source address.
#include "tc.h"

struct fields {
	__u32 word[16];
};

struct {
	__uint(type, MAP_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct fields));
	__uint(max_entries, 32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fields SEC(".maps");

static __attribute__((always_inline)) inline int note(struct __sk_buff *skb, __u32 side)
{
	__u8 *data = (void *)(long)skb->data;
	struct fields *to;
	__u32 key;

	if (data + 14 > (__u8 *)(long)skb->data_end)
		return ACT_UNSPEC;
	key = side + (data[11] & 15);
	to = map_lookup(&fields, &key);
	if (!to)
		return ACT_UNSPEC;
	to->word[0] = skb->len;
	to->word[1] = skb->pkt_type;
	to->word[2] = skb->mark;
	to->word[3] = skb->queue_mapping;
	to->word[4] = skb->protocol;
	to->word[5] = skb->vlan_present;
	to->word[6] = skb->vlan_tci;
	to->word[7] = skb->vlan_proto;
	to->word[8] = skb->priority;
	to->word[9] = skb->tc_index;
	to->word[10] = skb->tc_classid;
	to->word[11] = skb->hash;
	to->word[12] = skb->wire_len;
	to->word[13] = skb->gso_size;
	to->word[14] = data[12] << 8 | data[13];
	to->word[15] = (skb->ifindex == skb->ingress_ifindex) | (skb->sk != 0) << 1;
	return ACT_UNSPEC;
}

SEC("arrives") int on_arrival(struct __sk_buff *skb)
{
	return note(skb, 0);
}

SEC("leaves") int on_leaving(struct __sk_buff *skb)
{
	return note(skb, 16);
}
