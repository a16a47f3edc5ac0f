// Jumps within one array and on into another, all over one shared counter.
#include "tc.h"

struct bpf_elf_map SEC("maps") ways = {
	.type = MAP_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 2,
	.id = 42,
	.pinning = PIN_OBJECT_NS,
};

struct bpf_elf_map SEC("maps") ends = {
	.type = MAP_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.id = 43,
	.pinning = PIN_OBJECT_NS,
};

struct bpf_elf_map SEC("maps") counter = {
	.type = MAP_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.pinning = PIN_OBJECT_NS,
};

static __attribute__((always_inline)) inline __u32 counted(void)
{
	__u32 key = 0;
	__u32 *count = map_lookup(&counter, &key);

	return count ? *count : 0;
}

SEC("42/0") int first(struct __sk_buff *skb)
{
	say("first: %u from %u\n", counted(), skb->cb[0]);
	skb->cb[0] = 0;
	tail_call(skb, &ends, 0);
	return -1;
}

SEC("0x2a/01") int second(struct __sk_buff *skb)
{
	say("second: %u from %u\n", counted(), skb->cb[0]);
	skb->cb[0] = 1;
	tail_call(skb, &ways, 0);
	return -1;
}

SEC("43/0") int last(struct __sk_buff *skb)
{
	say("last: %u from %u\n", counted(), skb->cb[0]);
	return -1;
}

SEC("classifier") int begin(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 *count = map_lookup(&counter, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	skb->cb[0] = 3;
	tail_call(skb, &ways, skb->mark & 1);
	return -1;
}
