// An empty slot that a host fills, and fills anew, while packets come.
SEC("red") int to_red(struct __sk_buff *skb)
{
	say("red\n");
	return class(1, 0x10);
}

SEC("green") int to_green(struct __sk_buff *skb)
{
	say("green\n");
	return class(1, 0x20);
}

SEC("0/1") int out_of_bounds(struct __sk_buff *skb)
{
	return class(1, 0x30);
}

SEC("classifier") int choose(struct __sk_buff *skb)
{
	tail_call(skb, &choice, 0);
	say("nothing\n");
	return -1;
}
