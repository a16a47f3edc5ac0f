// SPDX-License-Identifier: MIT
//
// Objects that programs make: in lists, in trees, behind pointers in map values.
#include "special.h"

struct item {
	u64 key;
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
	struct bpf_refcount refs;
	u64 data;
};

struct plain {
	u64 a;
	u64 b;
};

struct counts {
	u64 hits;
};

struct box {
	struct plain __kptr *kept;
	struct counts __percpu_kptr *counters;
	u64 seen;
};

struct queue {
	struct bpf_spin_lock lock;
	u32 length;
	struct bpf_list_head head __contains(item, in_list);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct box);
} boxes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct queue);
} queues SEC(".maps");

private(A) struct bpf_spin_lock list_lock;
private(A) struct bpf_list_head list __contains(item, in_list);
private(B) struct bpf_spin_lock tree_lock;
private(B) struct bpf_rb_root tree __contains(item, in_tree);

u32 arg;
u64 out[32];
u32 filled;
u64 input[16];
u32 inputs;

static void put(u64 value)
{
	if (filled < 32)
		out[filled & 31] = value;
	filled++;
}

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct item, in_tree)->key < container_of(b, struct item, in_tree)->key;
}

static struct item *make(u64 key)
{
	struct item *item = obj_new(struct item);

	if (item) {
		item->key = key;
		item->data = key * 10;
	}
	return item;
}

// At the front, at the back, and out again from both ends.
SEC("xdp") int lists(void *ctx)
{
	struct bpf_list_node *node;
	struct item *item;

	filled = 0;
	spin_lock(&list_lock);
	node = bpf_list_pop_front(&list);
	spin_unlock(&list_lock);
	if (node) {
		obj_drop(container_of(node, struct item, in_list));
		return 1;
	}
	for (int i = 0; i < 6; i++) {
		item = make(i + 1);
		if (!item)
			return 2;
		spin_lock(&list_lock);
		if (i & 1)
			bpf_list_push_front_impl(&list, &item->in_list, NULL, 0);
		else
			bpf_list_push_back_impl(&list, &item->in_list, NULL, 0);
		spin_unlock(&list_lock);
	}
	spin_lock(&list_lock);
	node = bpf_list_front(&list);
	if (node)
		out[30] = container_of(node, struct item, in_list)->key;
	node = bpf_list_back(&list);
	if (node)
		out[31] = container_of(node, struct item, in_list)->key;
	spin_unlock(&list_lock);
	for (int i = 0; i < 7; i++) {
		spin_lock(&list_lock);
		node = i % 3 == 2 ? bpf_list_pop_back(&list) : bpf_list_pop_front(&list);
		spin_unlock(&list_lock);
		if (!node) {
			put(1000);
			continue;
		}
		item = container_of(node, struct item, in_list);
		put(item->key * 100 + item->data);
		obj_drop(item);
	}
	return 0;
}

// Leaves objects in the list, for whoever frees it.
SEC("xdp") int leave(void *ctx)
{
	for (int i = 0; i < 5; i++) {
		struct item *item = make(i);

		if (!item)
			return 1;
		spin_lock(&list_lock);
		bpf_list_push_back_impl(&list, &item->in_list, NULL, 0);
		spin_unlock(&list_lock);
	}
	return 0;
}

// A list in an element of a hash.
SEC("xdp") int enqueue(void *ctx)
{
	u32 key = arg;
	struct queue *queue = bpf_map_lookup_elem(&queues, &key);
	struct item *item;

	if (!queue)
		return 1;
	item = make(key);
	if (!item)
		return 2;
	spin_lock(&queue->lock);
	queue->length++;
	bpf_list_push_back_impl(&queue->head, &item->in_list, NULL, 0);
	spin_unlock(&queue->lock);
	return 0;
}

static void look(struct bpf_rb_node *node)
{
	put(node ? container_of(node, struct item, in_tree)->key : 1000);
}

// Adds the keys of `input` to the tree, and tells its shape around the root.
SEC("xdp") int plant(void *ctx)
{
	struct bpf_rb_node *root, *node;

	filled = 0;
	for (u32 i = 0; i < 16 && i < inputs; i++) {
		struct item *item = make(input[i & 15]);

		if (!item)
			return 1;
		spin_lock(&tree_lock);
		bpf_rbtree_add_impl(&tree, &item->in_tree, less, NULL, 0);
		spin_unlock(&tree_lock);
	}
	spin_lock(&tree_lock);
	look(bpf_rbtree_first(&tree));
	root = bpf_rbtree_root(&tree);
	look(root);
	if (root) {
		node = bpf_rbtree_left(&tree, root);
		look(node);
		if (node) {
			look(bpf_rbtree_left(&tree, node));
			look(bpf_rbtree_right(&tree, node));
		}
		node = bpf_rbtree_right(&tree, root);
		look(node);
		if (node) {
			look(bpf_rbtree_left(&tree, node));
			look(bpf_rbtree_right(&tree, node));
		}
	}
	spin_unlock(&tree_lock);
	return 0;
}

// Takes the root of the tree out, or its first node where `arg` is 1.
SEC("xdp") int fell(void *ctx)
{
	struct bpf_rb_node *node;
	u32 first = arg;

	spin_lock(&tree_lock);
	node = first ? bpf_rbtree_first(&tree) : bpf_rbtree_root(&tree);
	if (!node) {
		spin_unlock(&tree_lock);
		return 1000;
	}
	node = bpf_rbtree_remove(&tree, node);
	spin_unlock(&tree_lock);
	if (!node)
		return 1001;
	struct item *item = container_of(node, struct item, in_tree);
	u64 key = item->key;

	obj_drop(item);
	return key;
}

// One object in the list and in the tree.
SEC("xdp") int both(void *ctx)
{
	struct bpf_list_node *node;
	struct item *item = make(77), *other;

	filled = 0;
	if (!item)
		return 1;
	other = bpf_refcount_acquire_impl(item, NULL);
	if (!other) {
		obj_drop(item);
		return 2;
	}
	spin_lock(&tree_lock);
	bpf_rbtree_add_impl(&tree, &item->in_tree, less, NULL, 0);
	spin_unlock(&tree_lock);
	spin_lock(&list_lock);
	put(bpf_list_push_back_impl(&list, &other->in_list, NULL, 0));
	node = bpf_list_pop_back(&list);
	spin_unlock(&list_lock);
	if (!node)
		return 3;
	item = container_of(node, struct item, in_list);
	put(item->key);
	// It is in the tree already.
	spin_lock(&tree_lock);
	put(bpf_rbtree_add_impl(&tree, &item->in_tree, less, NULL, 0));
	spin_unlock(&tree_lock);
	return 0;
}

// Pointers in map values: what was there comes back.
SEC("xdp") int keep(void *ctx)
{
	u32 key = arg;
	struct box *box = bpf_map_lookup_elem(&boxes, &key);
	struct plain *plain, *before;

	if (!box)
		return 1;
	plain = obj_new(struct plain);
	if (!plain)
		return 2;
	plain->a = ++box->seen;
	plain->b = 5;
	before = kptr_xchg(&box->kept, plain);
	if (!before)
		return 100;
	u64 seen = before->a;

	obj_drop(before);
	return seen;
}

SEC("xdp") int peek(void *ctx)
{
	u32 key = arg;
	struct box *box = bpf_map_lookup_elem(&boxes, &key);
	struct plain *plain;
	u64 seen = 0;

	if (!box)
		return 1;
	bpf_rcu_read_lock();
	plain = box->kept;
	if (plain)
		seen = plain->a * 10 + plain->b;
	bpf_rcu_read_unlock();
	return seen;
}

// Copies of an object for each CPU.
SEC("xdp") int count(void *ctx)
{
	u32 key = arg;
	struct box *box = bpf_map_lookup_elem(&boxes, &key);
	struct counts __percpu_kptr *counters;
	struct counts *mine;

	if (!box)
		return 1;
	counters = box->counters;
	if (!counters) {
		counters = bpf_percpu_obj_new_impl(__type_id(struct counts), NULL);
		if (!counters)
			return 2;
		counters = kptr_xchg(&box->counters, counters);
		if (counters) {
			bpf_percpu_obj_drop_impl(counters, NULL);
			return 3;
		}
	}
	bpf_rcu_read_lock();
	counters = box->counters;
	if (!counters) {
		bpf_rcu_read_unlock();
		return 4;
	}
	mine = this_cpu_ptr(counters);
	mine->hits++;
	u64 hits = 0;

	for (u32 cpu = 0; cpu < 64; cpu++) {
		struct counts *theirs = per_cpu_ptr(counters, cpu);

		if (!theirs)
			break;
		hits += theirs->hits;
	}
	bpf_rcu_read_unlock();
	return hits;
}

// Makes and drops as many objects as `arg` says; how many there was room for.
SEC("xdp") int churn(void *ctx)
{
	u32 made = 0;

	for (u32 i = 0; i < 1000 && i < arg; i++) {
		struct plain *plain = obj_new(struct plain);

		if (!plain)
			break;
		made++;
		obj_drop(plain);
	}
	return made;
}

char LICENSE[] SEC("license") = "GPL";
