// SPDX-License-Identifier: MIT
//
// Kernel functions with what else a program does: tail calls, packet loads, maps in maps, memory of all kinds.
#include "kfuncs.h"

enum { BPF_MAP_TYPE_PROG_ARRAY = 3, BPF_MAP_TYPE_ARRAY_OF_MAPS = 12, BPF_MAP_TYPE_PERCPU_HASH = 5 };

static long (*const bpf_tail_call)(void *ctx, void *map, u32 index) = (void *)12;

struct plain { u64 a; u64 b; };
struct item { u64 key; struct bpf_list_node node; };
struct shared { struct bpf_refcount refs; struct bpf_rb_node a; struct bpf_rb_node b; u64 key; };
struct bucket { u64 n; struct bpf_spin_lock lock; struct bpf_list_head head __contains(item, node); };
struct res_bucket { struct bpf_res_spin_lock lock; struct bpf_list_head head __contains(item, node); };
struct stash { struct plain __kptr *held; };

u64 sum;
u8 buffer[64];
const volatile char text[16] = "constant";

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} programs SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct bucket);
} inner_one SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [0] = &inner_one } };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct res_bucket);
} res_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct stash);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

private(A) struct bpf_spin_lock lock;
private(A) struct bpf_list_head list __contains(item, node);
private(B) struct bpf_spin_lock tree_lock;
private(B) struct bpf_rb_root tree_a __contains(shared, a);
private(B) struct bpf_rb_root tree_b __contains(shared, b);

static bool less_a(struct bpf_rb_node *x, const struct bpf_rb_node *y)
{
	return container_of(x, struct shared, a)->key < container_of(y, struct shared, a)->key;
}

static bool less_b(struct bpf_rb_node *x, const struct bpf_rb_node *y)
{
	return container_of(x, struct shared, b)->key < container_of(y, struct shared, b)->key;
}

SEC("tc") int tail_in_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_tail_call(ctx, &programs, 0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int tail_in_preempt(void *ctx)
{
	bpf_preempt_disable();
	bpf_tail_call(ctx, &programs, 0);
	bpf_preempt_enable();
	return 0;
}

SEC("tc") int tail_in_irq(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_tail_call(ctx, &programs, 0);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc") int tail_with_iterator(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_tail_call(ctx, &programs, 0);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int tail_with_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_tail_call(ctx, &programs, 0);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int tail_with_dynptr(struct __sk_buff *ctx)
{
	struct bpf_dynptr ptr;

	bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &ptr);
	bpf_tail_call(ctx, &programs, 0);
	bpf_ringbuf_discard_dynptr(&ptr, 0);
	return 0;
}

static __noinline int tails(void *ctx)
{
	bpf_tail_call(ctx, &programs, 0);
	return 0;
}

SEC("tc") int tail_in_subprog_with_object(struct __sk_buff *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	tails(ctx);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int tail_in_subprog_in_loop(struct __sk_buff *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	while (bpf_iter_num_next(&it))
		tails(ctx);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int tail_after_all(struct __sk_buff *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	bpf_tail_call(ctx, &programs, 0);
	return 0;
}

SEC("tc") int packet_load_in_rcu(struct __sk_buff *ctx)
{
	u64 r;

	bpf_rcu_read_lock();
	asm volatile("r6 = %[ctx];.byte 0x30,0,0,0,14,0,0,0;%[r] = r0" : [r] "=r"(r) : [ctx] "r"(ctx) : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	bpf_rcu_read_unlock();
	return r;
}

SEC("tc") int packet_load_with_object(struct __sk_buff *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);
	u64 r;

	if (!p)
		return 0;
	asm volatile("r6 = %[ctx];.byte 0x30,0,0,0,14,0,0,0;%[r] = r0" : [r] "=r"(r) : [ctx] "r"(ctx) : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	bpf_obj_drop(p);
	return r;
}

SEC("tc") int nested_list(void *ctx)
{
	u32 key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);
	struct bucket *b;
	struct item *n;

	if (!map)
		return 0;
	b = bpf_map_lookup_elem(map, &key);
	if (!b)
		return 0;
	n = bpf_obj_new(struct item);
	if (!n)
		return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_back(&b->head, &n->node);
	b->n++;
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int nested_lock_of_other(void *ctx)
{
	u32 key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key), *again = bpf_map_lookup_elem(&outer, &key);
	struct bucket *b, *c;

	if (!map || !again)
		return 0;
	b = bpf_map_lookup_elem(map, &key);
	c = bpf_map_lookup_elem(again, &key);
	if (!b || !c)
		return 0;
	bpf_spin_lock(&b->lock);
	bpf_spin_unlock(&c->lock);
	return 0;
}

SEC("tc") int res_list(void *ctx)
{
	u32 key = 0;
	struct res_bucket *b = bpf_map_lookup_elem(&res_buckets, &key);
	struct item *n;

	if (!b)
		return 0;
	n = bpf_obj_new(struct item);
	if (!n)
		return 0;
	if (bpf_res_spin_lock(&b->lock)) {
		bpf_obj_drop(n);
		return 0;
	}
	bpf_list_push_back(&b->head, &n->node);
	bpf_res_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int res_list_not_locked_on_failure(void *ctx)
{
	u32 key = 0;
	struct res_bucket *b = bpf_map_lookup_elem(&res_buckets, &key);
	struct item *n;

	if (!b)
		return 0;
	n = bpf_obj_new(struct item);
	if (!n)
		return 0;
	if (bpf_res_spin_lock(&b->lock)) {
		bpf_list_push_back(&b->head, &n->node);
		return 0;
	}
	bpf_list_push_back(&b->head, &n->node);
	bpf_res_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int res_list_item_after_unlock(void *ctx)
{
	u32 key = 0;
	struct res_bucket *b = bpf_map_lookup_elem(&res_buckets, &key);
	struct bpf_list_node *node;

	if (!b || bpf_res_spin_lock(&b->lock))
		return 0;
	node = bpf_list_front(&b->head);
	bpf_res_spin_unlock(&b->lock);
	if (node)
		sum += container_of(node, struct item, node)->key;
	return 0;
}

SEC("tc") int drop_under_lock(void *ctx)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&lock);
	node = bpf_list_pop_front(&list);
	if (node)
		bpf_obj_drop(container_of(node, struct item, node));
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc") int drain(void *ctx)
{
	struct bpf_list_node *node;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 1000);
	while (bpf_iter_num_next(&it)) {
		bpf_spin_lock(&lock);
		node = bpf_list_pop_front(&list);
		bpf_spin_unlock(&lock);
		if (!node)
			break;
		sum += container_of(node, struct item, node)->key;
		bpf_obj_drop(container_of(node, struct item, node));
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int drain_leaks_on_condition(void *ctx)
{
	struct bpf_list_node *node;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 1000);
	while (bpf_iter_num_next(&it)) {
		bpf_spin_lock(&lock);
		node = bpf_list_pop_front(&list);
		bpf_spin_unlock(&lock);
		if (!node)
			break;
		if (container_of(node, struct item, node)->key == 7)
			continue;
		bpf_obj_drop(container_of(node, struct item, node));
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int lock_kept_over_loop(void *ctx)
{
	struct bpf_iter_num it;

	bpf_spin_lock(&lock);
	bpf_iter_num_new(&it, 0, 10);
	while (bpf_iter_num_next(&it)) {
		bpf_spin_unlock(&lock);
		bpf_spin_lock(&lock);
	}
	bpf_iter_num_destroy(&it);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc") int lock_toggles_in_loop(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	while (bpf_iter_num_next(&it)) {
		bpf_spin_lock(&lock);
		if (bpf_list_front(&list))
			break;
		bpf_spin_unlock(&lock);
	}
	bpf_iter_num_destroy(&it);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc") int two_trees(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	m = bpf_refcount_acquire(n);
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree_a, &n->a, less_a);
	bpf_rbtree_add(&tree_b, &m->b, less_b);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int two_trees_wrong_node(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree_a, &n->b, less_a);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int two_trees_wrong_less(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree_a, &n->a, less_b);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int two_trees_removed_from_other(void *ctx)
{
	struct bpf_rb_node *node, *out;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree_a);
	if (!node) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	out = bpf_rbtree_remove(&tree_b, &container_of(node, struct shared, a)->b);
	bpf_spin_unlock(&tree_lock);
	if (out)
		bpf_obj_drop(container_of(out, struct shared, b));
	return 0;
}

SEC("tc") int two_trees_remove_owned(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);
	struct bpf_rb_node *out;

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	out = bpf_rbtree_remove(&tree_a, &n->a);
	bpf_spin_unlock(&tree_lock);
	if (out)
		bpf_obj_drop(container_of(out, struct shared, a));
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int two_trees_kept(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *kept;
	struct bpf_rb_node *out;

	if (!n)
		return 0;
	kept = bpf_refcount_acquire(n);
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree_a, &n->a, less_a);
	bpf_spin_unlock(&tree_lock);
	kept->key = 3;
	bpf_spin_lock(&tree_lock);
	out = bpf_rbtree_remove(&tree_a, &kept->a);
	bpf_spin_unlock(&tree_lock);
	if (out)
		bpf_obj_drop(container_of(out, struct shared, a));
	bpf_obj_drop(kept);
	return 0;
}

SEC("tc") int lru_stash(void *ctx)
{
	u32 key = 1;
	struct stash *s = bpf_map_lookup_elem(&lru, &key);
	struct plain *p;

	if (!s)
		return 0;
	p = bpf_kptr_xchg(&s->held, bpf_obj_new(struct plain));
	if (p)
		bpf_obj_drop(p);
	return 0;
}

SEC("tc") int lru_stash_updated_with_pointer(void *ctx)
{
	u32 key = 1;
	struct stash s = {};

	return bpf_map_update_elem(&lru, &key, &s, 0);
}

SEC("tc") int lru_stash_deleted_while_held(void *ctx)
{
	u32 key = 1;
	struct stash *s = bpf_map_lookup_elem(&lru, &key);
	struct plain *p;

	if (!s)
		return 0;
	bpf_map_delete_elem(&lru, &key);
	p = bpf_kptr_xchg(&s->held, NULL);
	if (p)
		bpf_obj_drop(p);
	return 0;
}

SEC("syscall") int user_string_to_stack(void *ctx)
{
	char room[16];

	bpf_copy_from_user_str(room, sizeof(room), NULL, 0);
	return room[3];
}

SEC("syscall") int user_string_to_map(void *ctx)
{
	return bpf_copy_from_user_str(buffer, sizeof(buffer), NULL, 0);
}

SEC("syscall") int user_string_beyond(void *ctx)
{
	return bpf_copy_from_user_str(buffer + 60, 8, NULL, 0);
}

SEC("syscall") int user_string_variable(void *ctx)
{
	return bpf_copy_from_user_str(buffer, sum & 63, NULL, 0);
}

SEC("syscall") int user_string_unbounded(void *ctx)
{
	return bpf_copy_from_user_str(buffer, sum, NULL, 0);
}

SEC("syscall") int user_string_negative(void *ctx)
{
	return bpf_copy_from_user_str(buffer, (s32)sum & -4, NULL, 0);
}

SEC("syscall") int user_string_to_constant(void *ctx)
{
	return bpf_copy_from_user_str((void *)text, sizeof(text), NULL, 0);
}

SEC("syscall") int user_string_zero(void *ctx)
{
	return bpf_copy_from_user_str(NULL, 0, NULL, 0);
}

SEC("syscall") int user_string_to_ring(void *ctx)
{
	char *record = bpf_ringbuf_reserve(&ring, 16, 0);

	if (!record)
		return 0;
	bpf_copy_from_user_str(record, 16, NULL, 0);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("syscall") int user_string_to_ring_unchecked(void *ctx)
{
	char *record = bpf_ringbuf_reserve(&ring, 16, 0);

	bpf_copy_from_user_str(record, 16, NULL, 0);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("syscall") int user_string_to_ring_beyond(void *ctx)
{
	char *record = bpf_ringbuf_reserve(&ring, 16, 0);

	if (!record)
		return 0;
	bpf_copy_from_user_str(record, 17, NULL, 0);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("syscall") int user_string_to_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_copy_from_user_str(p, sizeof(*p), NULL, 0);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int slice_in_packet(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_dynptr ptr;
	u8 *slice;

	if (data + 16 > end)
		return 0;
	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	slice = bpf_dynptr_slice(&ptr, 0, data, 16);
	return slice ? slice[3] : 0;
}

SEC("tc") int slice_keeps_packet_pointers(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_dynptr ptr;
	u8 *slice;

	if (data + 16 > end)
		return 0;
	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	slice = bpf_dynptr_slice_rdwr(&ptr, 0, buffer, 16);
	if (!slice)
		return 0;
	slice[1] = 3;
	return ((u8 *)data)[15];
}

SEC("tc") int write_loses_packet_pointers(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_dynptr ptr;

	if (data + 16 > end)
		return 0;
	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	bpf_dynptr_write(&ptr, 0, buffer, 4, 0);
	return ((u8 *)data)[15];
}

SEC("tc") int copy_loses_packet_pointers(struct __sk_buff *skb)
{
	void *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_dynptr ptr, memory;

	if (data + 16 > end)
		return 0;
	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return 0;
	bpf_dynptr_from_mem(buffer, sizeof(buffer), 0, &memory);
	bpf_dynptr_copy(&ptr, 0, &memory, 0, 8);
	return ((u8 *)data)[15];
}

SEC("xdp") int pull_loses_packet_pointers(struct xdp_md *xdp)
{
	extern int bpf_xdp_pull_data(struct xdp_md *xdp, u32 len) __ksym;
	void *data = (void *)(u64)xdp->data, *end = (void *)(u64)xdp->data_end;

	if (data + 16 > end)
		return 2;
	bpf_xdp_pull_data(xdp, 16);
	return ((u8 *)data)[15] & 1;
}

extern int bpf_xdp_pull_data(struct xdp_md *xdp, u32 len) __ksym;

__noinline int global_pulls(struct xdp_md *xdp)
{
	return bpf_xdp_pull_data(xdp, 16);
}

SEC("xdp") int pull_in_global_loses_packet_pointers(struct xdp_md *xdp)
{
	void *data = (void *)(u64)xdp->data, *end = (void *)(u64)xdp->data_end;

	if (data + 16 > end)
		return 2;
	global_pulls(xdp);
	return ((u8 *)data)[15] & 1;
}

SEC("xdp") int pull_in_loop(struct xdp_md *xdp)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	while (bpf_iter_num_next(&it)) {
		void *data = (void *)(u64)xdp->data, *end = (void *)(u64)xdp->data_end;

		if (data + 16 > end) {
			if (bpf_xdp_pull_data(xdp, 16))
				break;
			continue;
		}
		sum += ((u8 *)data)[15];
		break;
	}
	bpf_iter_num_destroy(&it);
	return 2;
}

SEC("tc") int packet_in_loop_moves(struct __sk_buff *skb)
{
	u8 *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 32);
	while (bpf_iter_num_next(&it)) {
		if (data + 2 > end)
			break;
		sum += data[0];
		data += 2;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int packet_in_loop_unchecked(struct __sk_buff *skb)
{
	u8 *data = (void *)(u64)skb->data, *end = (void *)(u64)skb->data_end;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 32);
	while (bpf_iter_num_next(&it)) {
		if (data + 2 > end)
			break;
		sum += data[2];
		data += 2;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

static int each_object(u32 i, struct plain **kept)
{
	if (!*kept)
		*kept = bpf_obj_new(struct plain);
	return 0;
}

SEC("tc") int object_made_in_callback(void *ctx)
{
	struct plain *kept = NULL;

	bpf_loop(10, each_object, &kept, 0);
	if (kept)
		bpf_obj_drop(kept);
	return 0;
}

static int each_locked(u32 i, void *ctx)
{
	bpf_spin_lock(&lock);
	return 0;
}

SEC("tc") int lock_taken_in_callback(void *ctx)
{
	bpf_loop(1, each_locked, NULL, 0);
	return 0;
}

static u64 each_bucket(void *map, u32 *key, struct bucket *b, void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 1;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front(&b->head, &n->node);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int list_in_map_callback(void *ctx)
{
	bpf_for_each_map_elem(&inner_one, each_bucket, NULL, 0);
	return 0;
}

SEC("socket") int sections_in_socket_filter(void *ctx)
{
	struct bpf_iter_num it;
	unsigned long flags;
	int *v;

	bpf_rcu_read_lock();
	bpf_local_irq_save(&flags);
	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	bpf_local_irq_restore(&flags);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("socket") int throw_in_socket_filter(void *ctx)
{
	bpf_throw(0);
	return 0;
}

SEC("socket") int cgroup_in_socket_filter(void *ctx)
{
	struct cgroup *c = bpf_cgroup_from_id(1);

	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tc") int object_compared(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain), *q;

	if (!p)
		return 0;
	q = bpf_obj_new(struct plain);
	if (!q) {
		bpf_obj_drop(p);
		return 0;
	}
	if (p == q)
		sum++;
	bpf_obj_drop(p);
	bpf_obj_drop(q);
	return 0;
}

SEC("tc") int object_leaked_to_map(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	sum = (u64)p;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int object_added_atomically(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	__sync_fetch_and_add(&p->a, 3);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int object_zeroed(void *ctx)
{
	struct item *p = bpf_obj_new(struct item);

	if (!p)
		return 0;
	*(volatile u64 *)&p->key = 0;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int object_in_dynptr(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);
	struct bpf_dynptr ptr;

	if (!p)
		return 0;
	bpf_dynptr_from_mem(p, sizeof(*p), 0, &ptr);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int object_spilled_and_dropped(void *ctx)
{
	struct plain *volatile kept = bpf_obj_new(struct plain);
	struct plain *p = kept;

	if (!p)
		return 0;
	bpf_obj_drop(p);
	p = kept;
	return p->a;
}

char _license[] SEC("license") = "GPL";
