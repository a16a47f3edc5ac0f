// Counts on one side what the other side reads.
SEC("egress") int add(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 *count = map_lookup(&counter, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	return -1;
}

SEC("ingress") int tell(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 *count = map_lookup(&counter, &key);

	if (count)
		say("count %u\n", *count);
	return -1;
}
