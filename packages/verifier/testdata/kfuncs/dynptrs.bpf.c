// SPDX-License-Identifier: MIT
//
// Dynptrs over packets, ring buffers and memory, and slices of them.
#include "kfuncs.h"

u64 sum;
u8 buffer[64];

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct eth { u8 to[6]; u8 from[6]; u16 protocol; };

SEC("tc") int skb_slice(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	struct eth room, *eth;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	eth = bpf_dynptr_slice(&ptr, 0, &room, sizeof(room));
	if (!eth)
		return 0;
	return eth->protocol == 8;
}

SEC("tc") int skb_slice_unchecked(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	struct eth room, *eth;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	eth = bpf_dynptr_slice(&ptr, 0, &room, sizeof(room));
	return eth->protocol == 8;
}

SEC("tc") int skb_slice_written(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	struct eth room, *eth;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	eth = bpf_dynptr_slice(&ptr, 0, &room, sizeof(room));
	if (!eth)
		return 0;
	eth->protocol = 3;
	return 0;
}

SEC("tc") int skb_slice_rdwr(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	struct eth room, *eth;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	eth = bpf_dynptr_slice_rdwr(&ptr, 0, &room, sizeof(room));
	if (!eth)
		return 0;
	eth->protocol = 3;
	return 0;
}

SEC("tc") int skb_slice_null_buffer(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	struct eth *eth;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	eth = bpf_dynptr_slice(&ptr, 0, NULL, sizeof(*eth));
	if (!eth)
		return 0;
	return eth->protocol == 8;
}

SEC("tc") int skb_slice_beyond(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	return data[16];
}

SEC("tc") int skb_slice_buffer_too_small(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 room[8], *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, room, 16);
	if (!data)
		return 0;
	return data[3];
}

SEC("tc") int skb_slice_unknown_size(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, buffer, skb->len & 15);
	if (!data)
		return 0;
	return data[0];
}

SEC("tc") int skb_slice_in_map_value(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice_rdwr(&ptr, 0, buffer, 64);
	if (!data)
		return 0;
	data[63] = 1;
	return 0;
}

SEC("tc") int skb_flags(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;

	return bpf_dynptr_from_skb(skb, 1, &ptr);
}

SEC("tc") int skb_dynptr_not_made(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	return data != NULL;
}

SEC("tc") int skb_result_not_checked(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	bpf_dynptr_from_skb(skb, 0, &ptr);
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	return data != NULL;
}

SEC("tc") int skb_made_twice(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;

	bpf_dynptr_from_skb(skb, 0, &ptr);
	bpf_dynptr_from_skb(skb, 0, &ptr);
	return 0;
}

SEC("tc") int skb_slice_of_replaced(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	bpf_dynptr_from_skb(skb, 0, &ptr);
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	bpf_dynptr_from_skb(skb, 0, &ptr);
	if (!data)
		return 0;
	return data[0];
}

SEC("tc") int skb_slice_after_change(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	bpf_skb_pull_data(skb, 100);
	return data[0];
}

SEC("tc") int skb_slice_anew_after_change(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	bpf_skb_pull_data(skb, 100);
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	return data[0];
}

SEC("tc") int skb_slice_after_write(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data, four[4] = {};

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	bpf_dynptr_write(&ptr, 0, four, 4, 0);
	return data[0];
}

SEC("tc") int skb_slice_after_read(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data, four[4] = {};

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	bpf_dynptr_read(four, 4, &ptr, 0, 0);
	return data[0] + four[1];
}

SEC("tc") int skb_slice_of_overwritten(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 16);
	if (!data)
		return 0;
	*(volatile u64 *)&ptr = 1;
	return data[0];
}

SEC("tc") int skb_overwritten_then_used(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	((volatile u8 *)&ptr)[12] = 1;
	return bpf_dynptr_size(&ptr);
}

SEC("tc") int skb_read_directly(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	return *(volatile u64 *)&ptr;
}

SEC("tc") int skb_dynptr_data(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_data(&ptr, 0, 8);
	return data ? data[0] : 0;
}

SEC("cgroup_skb/egress") int skb_slice_rdwr_in_cgroup(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 room[16], *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 1;
	data = bpf_dynptr_slice_rdwr(&ptr, 0, room, 16);
	if (data)
		data[0] = 1;
	return 1;
}

SEC("cgroup_skb/egress") int skb_slice_in_cgroup(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 room[16], *data;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 1;
	data = bpf_dynptr_slice(&ptr, 0, room, 16);
	if (data)
		sum += data[0];
	return 1;
}

SEC("xdp") int skb_in_xdp(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	return bpf_dynptr_from_skb((void *)xdp, 0, &ptr);
}

SEC("tc") int meta_slice(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 room[4], *data;

	if (bpf_dynptr_from_skb_meta(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, room, 4);
	return data ? data[3] : 0;
}

SEC("tc") int meta_slice_rdwr(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_skb_meta(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice_rdwr(&ptr, 0, NULL, 4);
	if (data)
		data[0] = 3;
	return 0;
}

SEC("tc") int meta_slice_after_packet_write(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr, meta;
	u8 *data, four[4] = {};

	if (bpf_dynptr_from_skb_meta(skb, 0, &meta) || bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&meta, 0, NULL, 4);
	if (!data)
		return 0;
	bpf_dynptr_write(&ptr, 0, four, 4, 0);
	return data[0];
}

SEC("tc") int meta_slice_after_helper(struct __sk_buff *skb)
{
	struct bpf_dynptr meta;
	u8 *data;

	if (bpf_dynptr_from_skb_meta(skb, 0, &meta))
		return 0;
	data = bpf_dynptr_slice(&meta, 0, NULL, 4);
	if (!data)
		return 0;
	bpf_skb_change_tail(skb, 100, 0);
	return data[0];
}

SEC("tc") int packet_slice_after_meta_write(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr, meta;
	u8 *data, four[4] = {};

	if (bpf_dynptr_from_skb_meta(skb, 0, &meta) || bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	data = bpf_dynptr_slice(&ptr, 0, NULL, 4);
	if (!data)
		return 0;
	bpf_dynptr_write(&meta, 0, four, 4, 0);
	return data[0];
}

SEC("xdp") int xdp_slice(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;
	u8 room[16], *data;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	data = bpf_dynptr_slice(&ptr, 14, room, 16);
	if (!data)
		return 2;
	return data[0] & 1;
}

SEC("xdp") int xdp_slice_rdwr(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	data = bpf_dynptr_slice_rdwr(&ptr, 14, NULL, 16);
	if (!data)
		return 2;
	data[5] = 1;
	return 2;
}

SEC("xdp") int xdp_slice_after_adjust_head(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;
	u8 *data;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	data = bpf_dynptr_slice(&ptr, 14, NULL, 16);
	if (!data)
		return 2;
	bpf_xdp_adjust_head(xdp, 4);
	return data[0] & 1;
}

SEC("xdp") int xdp_sizes(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	if (bpf_dynptr_is_null(&ptr) || bpf_dynptr_is_rdonly(&ptr))
		return 1;
	if (bpf_dynptr_adjust(&ptr, 14, bpf_dynptr_size(&ptr)))
		return 1;
	sum = bpf_dynptr_size(&ptr);
	return 2;
}

SEC("xdp") int xdp_clone(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr, clone;
	u8 *data;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	if (bpf_dynptr_clone(&ptr, &clone))
		return 2;
	bpf_dynptr_adjust(&clone, 1, 10);
	data = bpf_dynptr_slice_rdwr(&clone, 0, NULL, 4);
	if (data)
		data[3] = 1;
	return 2;
}

SEC("xdp") int xdp_clone_of_nothing(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr, clone;

	bpf_dynptr_clone(&ptr, &clone);
	return 2;
}

SEC("xdp") int xdp_clone_onto_itself(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_dynptr_clone(&ptr, &ptr);
	return bpf_dynptr_size(&ptr) & 1;
}

SEC("xdp") int xdp_slice_of_clone_outlives(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr, clone;
	u8 *data;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_dynptr_clone(&ptr, &clone);
	data = bpf_dynptr_slice(&clone, 0, NULL, 4);
	if (!data)
		return 2;
	*(volatile u64 *)&ptr = 0;
	return data[0] & 1;
}

SEC("xdp") int xdp_helper_on_clone(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr, clone;
	u32 four;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_dynptr_clone(&ptr, &clone);
	bpf_dynptr_read(&four, 4, &clone, 0, 0);
	return four & 1;
}

SEC("tc") int ring_clone(void *ctx)
{
	struct bpf_dynptr ptr, clone;
	u64 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	data = bpf_dynptr_data(&clone, 0, 8);
	if (data)
		*data = 3;
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int ring_clone_submitted(void *ctx)
{
	struct bpf_dynptr ptr, clone;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	bpf_ringbuf_submit_dynptr(&clone, 0);
	return 0;
}

SEC("tc") int ring_both_submitted(void *ctx)
{
	struct bpf_dynptr ptr, clone;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	bpf_ringbuf_submit_dynptr(&clone, 0);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int ring_clone_used_after(void *ctx)
{
	struct bpf_dynptr ptr, clone;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return bpf_dynptr_size(&clone);
}

SEC("tc") int ring_slice_of_clone_after(void *ctx)
{
	struct bpf_dynptr ptr, clone;
	u64 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	data = bpf_dynptr_data(&clone, 0, 8);
	bpf_ringbuf_discard_dynptr(&ptr, 0);
	if (data)
		*data = 3;
	return 0;
}

SEC("tc") int ring_overwritten(void *ctx)
{
	struct bpf_dynptr ptr;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	*(volatile u64 *)&ptr = 0;
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int ring_clone_overwritten(void *ctx)
{
	struct bpf_dynptr ptr, clone;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_clone(&ptr, &clone);
	*(volatile u64 *)&clone = 0;
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int ring_leak(void *ctx)
{
	struct bpf_dynptr ptr;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	return bpf_dynptr_size(&ptr);
}

SEC("tc") int ring_slice(void *ctx)
{
	struct bpf_dynptr ptr;
	u64 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	data = bpf_dynptr_slice_rdwr(&ptr, 0, NULL, 8);
	if (data)
		*data = 3;
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int ring_slice_after_submit(void *ctx)
{
	struct bpf_dynptr ptr;
	u64 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	data = bpf_dynptr_slice(&ptr, 0, NULL, 8);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return data ? *data : 0;
}

SEC("tc") int ring_adjusted(void *ctx)
{
	struct bpf_dynptr ptr;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &ptr);
	bpf_dynptr_adjust(&ptr, 8, 16);
	bpf_dynptr_memset(&ptr, 0, 4, 7);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	return 0;
}

SEC("tc") int memory_copied(struct __sk_buff *skb)
{
	struct bpf_dynptr a, b;

	bpf_dynptr_from_mem(buffer, sizeof(buffer), 0, &a);
	if (bpf_dynptr_from_skb(skb, 0, &b))
		return 0;
	return bpf_dynptr_copy(&a, 0, &b, 0, 16);
}

SEC("tc") int memory_slice(void *ctx)
{
	struct bpf_dynptr a;
	u8 *data;

	bpf_dynptr_from_mem(buffer, sizeof(buffer), 0, &a);
	data = bpf_dynptr_slice_rdwr(&a, 3, NULL, 4);
	if (data)
		data[1] = 2;
	return 0;
}

static __noinline int size_of(struct bpf_dynptr *ptr)
{
	return bpf_dynptr_size(ptr);
}

SEC("xdp") int xdp_size_in_subprog(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	return size_of(&ptr) & 1;
}

static __noinline int make_in(struct xdp_md *xdp, struct bpf_dynptr *ptr)
{
	return bpf_dynptr_from_xdp(xdp, 0, ptr);
}

SEC("xdp") int xdp_made_in_subprog(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (make_in(xdp, &ptr))
		return 2;
	return bpf_dynptr_size(&ptr) & 1;
}

__noinline int global_takes(const struct bpf_dynptr *ptr)
{
	u8 *data = bpf_dynptr_slice(ptr, 0, NULL, 4);

	return data ? data[0] : 0;
}

SEC("xdp") int xdp_passed_to_global(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	return global_takes(&ptr) & 1;
}

__noinline int global_changes(struct bpf_dynptr *ptr)
{
	return bpf_dynptr_adjust(ptr, 1, 2);
}

SEC("xdp") int xdp_changed_by_global(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	return global_changes(&ptr) & 1;
}

__noinline int global_clones(struct bpf_dynptr *ptr)
{
	struct bpf_dynptr clone;

	bpf_dynptr_clone(ptr, &clone);
	return bpf_dynptr_size(&clone);
}

SEC("xdp") int xdp_cloned_by_global(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	return global_clones(&ptr) & 1;
}

SEC("xdp") int xdp_nothing_to_global(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	return global_takes(&ptr) & 1;
}

SEC("xdp") int xdp_in_loop(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;
	struct bpf_iter_num it;
	int *v;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_iter_num_new(&it, 0, 100);
	while ((v = bpf_iter_num_next(&it))) {
		u8 *data = bpf_dynptr_slice(&ptr, *v, NULL, 1);

		if (!data)
			break;
		sum += *data;
	}
	bpf_iter_num_destroy(&it);
	return 2;
}

SEC("xdp") int xdp_made_in_loop(struct xdp_md *xdp)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 100);
	while (bpf_iter_num_next(&it)) {
		struct bpf_dynptr ptr;

		if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
			continue;
		sum += bpf_dynptr_size(&ptr);
	}
	bpf_iter_num_destroy(&it);
	return 2;
}

static int each(u32 i, struct bpf_dynptr *ptr)
{
	u8 *data = bpf_dynptr_slice(ptr, i, NULL, 1);

	if (!data)
		return 1;
	sum += *data;
	return 0;
}

SEC("xdp") int xdp_in_callback(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_loop(100, each, &ptr, 0);
	return 2;
}

static int each_replaces(u32 i, struct bpf_dynptr *ptr)
{
	*(volatile u64 *)ptr = 0;
	return 0;
}

SEC("xdp") int xdp_replaced_in_callback(struct xdp_md *xdp)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_xdp(xdp, 0, &ptr))
		return 2;
	bpf_loop(100, each_replaces, &ptr, 0);
	return bpf_dynptr_size(&ptr) & 1;
}

char _license[] SEC("license") = "GPL";
