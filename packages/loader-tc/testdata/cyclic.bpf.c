// A program that calls itself through a slot of its own section until the kernel's bound on tail calls stops it.
#include "tc.h"

#define RING 0xabccba

struct bpf_elf_map SEC("maps") ring = {
	.type = MAP_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.id = RING,
	.pinning = PIN_OBJECT_NS,
};

SEC("0xabccba/0") int again(struct __sk_buff *skb)
{
	skb->cb[0]++;
	say("round %u\n", skb->cb[0]);
	tail_call(skb, &ring, 0);
	skb->tc_classid = class(1, 0x42);
	return ACT_OK;
}

SEC("classifier") int begin(struct __sk_buff *skb)
{
	tail_call(skb, &ring, 0);
	return ACT_SHOT;
}
