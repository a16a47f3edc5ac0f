// The same through a map in a map.
SEC("egress") int add(struct __sk_buff *skb)
{
	__u32 key = 0;
	void *inner = map_lookup(&outer, &key);
	__u32 *count = inner ? map_lookup(inner, &key) : 0;

	if (count)
		__sync_fetch_and_add(count, 1);
	return -1;
}

SEC("ingress") int tell(struct __sk_buff *skb)
{
	__u32 key = 0;
	void *inner = map_lookup(&outer, &key);
	__u32 *count = inner ? map_lookup(inner, &key) : 0;

	if (count)
		say("count %u\n", *count);
	return -1;
}
