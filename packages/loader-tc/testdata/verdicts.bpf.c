// Verdicts, classes and redirects that the packet itself asks for.
#include "tc.h"

SEC("classifier") int by_mark(struct __sk_buff *skb)
{
	return skb->mark;
}

SEC("action") int drop_marked(struct __sk_buff *skb)
{
	return skb->mark == 0 ? ACT_UNSPEC : ACT_SHOT;
}

// The verdict is the first byte of the destination address, 9 stands for -1; the class is the second byte.
SEC("by_byte") int verdict_by_byte(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;

	if (data + 14 > (__u8 *)(long)skb->data_end)
		return ACT_UNSPEC;
	if (data[1])
		skb->tc_classid = data[1];
	return data[0] == 9 ? -1 : data[0];
}

// To the device whose number is the first byte of the source address; out of it, or with an odd second byte into it.
SEC("to_device") int redirect_by_byte(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;

	if (data + 14 > (__u8 *)(long)skb->data_end)
		return ACT_UNSPEC;
	return redirect(data[6], data[7] & 1);
}

SEC("copies") int copy_by_byte(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u32 ifindex;

	if (data + 14 > (__u8 *)(long)skb->data_end)
		return ACT_UNSPEC;
	ifindex = data[6];
	return clone_redirect(skb, ifindex, 0) ? ACT_SHOT : ACT_OK;
}
