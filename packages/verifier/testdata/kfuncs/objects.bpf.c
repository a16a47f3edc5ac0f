// SPDX-License-Identifier: MIT
//
// Objects of the program's own, and lists and trees of them.
#include "kfuncs.h"

struct plain { u64 a; u64 b; u32 c[4]; };
struct item { u64 key; struct bpf_list_node node; u64 value; };
struct leaf { u64 key; struct bpf_rb_node node; u64 value; };
struct shared { u64 key; struct bpf_list_node in_list; struct bpf_rb_node in_tree; struct bpf_refcount refs; u64 value; };
struct locked { u64 a; struct bpf_spin_lock lock; u64 b; };
struct bucket { struct bpf_spin_lock lock; struct bpf_list_head head __contains(item, node); };
struct family { u64 x; struct bpf_list_head children __contains(item, node); struct bpf_spin_lock lock; };
struct holder { u64 x; struct plain __kptr *held; };

u64 sum;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

private(A) struct bpf_spin_lock list_lock;
private(A) struct bpf_list_head list __contains(item, node);
private(A) struct bpf_list_head other_list __contains(item, node);
private(B) struct bpf_spin_lock tree_lock;
private(B) struct bpf_rb_root tree __contains(leaf, node);
private(C) struct bpf_spin_lock shared_lock;
private(C) struct bpf_list_head shared_list __contains(shared, in_list);
private(C) struct bpf_rb_root shared_tree __contains(shared, in_tree);

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct leaf, node)->key < container_of(b, struct leaf, node)->key;
}

static bool less_shared(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct shared, in_tree)->key < container_of(b, struct shared, in_tree)->key;
}

SEC("tc") int new_and_drop(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	p->a = 1;
	p->c[3] = p->b;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int new_leak(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	p->a = 1;
	return 0;
}

SEC("tc") int new_unchecked(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	p->a = 1;
	return 0;
}

SEC("tc") int new_drop_unchecked(void *ctx)
{
	bpf_obj_drop(bpf_obj_new(struct plain));
	return 0;
}

SEC("tc") int drop_twice(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_obj_drop(p);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int use_after_drop(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_obj_drop(p);
	return p->a;
}

SEC("tc") int drop_member(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_obj_drop(&p->b);
	return 0;
}

SEC("tc") int beyond(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	((volatile u32 *)p->c)[4] = 1;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int before(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	((volatile u64 *)p)[-1] = 1;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int variable_offset(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);
	u32 i = bpf_get_prandom_u32() & 3;

	if (!p)
		return 0;
	p->c[i] = 1;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int straddles_members(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	sum = *(volatile u64 *)((char *)p + 12);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int stored_pointer(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	p->a = (u64)&sum;
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int passed_to_helper(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_probe_read_kernel(p, sizeof(*p), NULL);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int node_read(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	sum = *(volatile u64 *)&n->node;
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int node_written(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	*(volatile u64 *)((char *)&n->node + 8) = 1;
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int refcount_read(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);

	if (!n)
		return 0;
	sum = *(volatile u32 *)&n->refs;
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int lock_in_object(void *ctx)
{
	struct locked *n = bpf_obj_new(struct locked);

	if (!n)
		return 0;
	bpf_spin_lock(&n->lock);
	n->a++;
	bpf_spin_unlock(&n->lock);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int lock_in_object_leaks(void *ctx)
{
	struct locked *n = bpf_obj_new(struct locked);

	if (!n)
		return 0;
	bpf_spin_lock(&n->lock);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int lock_of_other_object(void *ctx)
{
	struct locked *n = bpf_obj_new(struct locked), *m;

	if (!n)
		return 0;
	m = bpf_obj_new(struct locked);
	if (!m) {
		bpf_obj_drop(n);
		return 0;
	}
	bpf_spin_lock(&n->lock);
	bpf_spin_unlock(&m->lock);
	bpf_obj_drop(m);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int lock_in_plain_object(void *ctx)
{
	struct plain *n = bpf_obj_new(struct plain);

	if (!n)
		return 0;
	bpf_spin_lock((void *)n);
	bpf_spin_unlock((void *)n);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int new_under_lock(void *ctx)
{
	struct plain *p;

	bpf_spin_lock(&list_lock);
	p = bpf_obj_new(struct plain);
	bpf_spin_unlock(&list_lock);
	if (p)
		bpf_obj_drop(p);
	return 0;
}

SEC("tc") int push_and_pop(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);
	struct bpf_list_node *popped;

	if (!n)
		return 0;
	n->key = 1;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	popped = bpf_list_pop_back(&list);
	bpf_spin_unlock(&list_lock);
	if (popped)
		bpf_obj_drop(container_of(popped, struct item, node));
	return 0;
}

SEC("tc") int pop_leaks(void *ctx)
{
	struct bpf_list_node *popped;

	bpf_spin_lock(&list_lock);
	popped = bpf_list_pop_front(&list);
	bpf_spin_unlock(&list_lock);
	return popped != NULL;
}

SEC("tc") int pop_uses_fields(void *ctx)
{
	struct bpf_list_node *popped;

	bpf_spin_lock(&list_lock);
	popped = bpf_list_pop_front(&list);
	bpf_spin_unlock(&list_lock);
	if (popped) {
		struct item *n = container_of(popped, struct item, node);

		sum += n->key + n->value;
		n->value = 3;
		bpf_obj_drop(n);
	}
	return 0;
}

SEC("tc") int pop_dropped_by_node(void *ctx)
{
	struct bpf_list_node *popped;

	bpf_spin_lock(&list_lock);
	popped = bpf_list_pop_front(&list);
	bpf_spin_unlock(&list_lock);
	if (popped)
		bpf_obj_drop(popped);
	return 0;
}

SEC("tc") int push_without_lock(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_list_push_front(&list, &n->node);
	return 0;
}

SEC("tc") int push_with_other_lock(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_list_push_front(&list, &n->node);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int push_wrong_offset(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, (void *)((char *)&n->node + 8));
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int push_wrong_struct(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->in_list);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int push_tree_node(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared);

	if (!n)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_front(&shared_list, (void *)&n->in_tree);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc") int push_wrong_head(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_list_push_front((void *)&tree, &n->node);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int push_twice(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	bpf_list_push_front(&list, &n->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int pushed_is_readable_under_lock(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	n->key = 4;
	sum += n->value;
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int pushed_used_after_unlock(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	bpf_spin_unlock(&list_lock);
	sum += n->value;
	return 0;
}

SEC("tc") int pushed_then_dropped(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	bpf_spin_unlock(&list_lock);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int pushed_dropped_under_lock(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &n->node);
	bpf_obj_drop(n);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int push_in_loop(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 8);
	while ((v = bpf_iter_num_next(&it))) {
		struct item *n = bpf_obj_new(struct item);

		if (!n)
			break;
		n->key = *v;
		bpf_spin_lock(&list_lock);
		if (*v & 1)
			bpf_list_push_front(&list, &n->node);
		else
			bpf_list_push_back(&other_list, &n->node);
		bpf_spin_unlock(&list_lock);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int pop_in_loop_under_lock(void *ctx)
{
	struct bpf_list_node *popped;
	struct bpf_iter_num it;

	bpf_spin_lock(&list_lock);
	bpf_iter_num_new(&it, 0, 8);
	while (bpf_iter_num_next(&it)) {
		popped = bpf_list_pop_front(&list);
		if (!popped)
			break;
		bpf_list_push_back(&other_list, &container_of(popped, struct item, node)->node);
	}
	bpf_iter_num_destroy(&it);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int list_front_looked_at(void *ctx)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&list_lock);
	node = bpf_list_front(&list);
	if (node)
		sum += container_of(node, struct item, node)->key;
	node = bpf_list_back(&list);
	if (node)
		sum += container_of(node, struct item, node)->key;
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int list_front_after_unlock(void *ctx)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&list_lock);
	node = bpf_list_front(&list);
	bpf_spin_unlock(&list_lock);
	if (node)
		sum += container_of(node, struct item, node)->key;
	return 0;
}

SEC("tc") int list_front_without_lock(void *ctx)
{
	return bpf_list_front(&list) != NULL;
}

SEC("tc") int list_front_pushed(void *ctx)
{
	struct bpf_list_node *node;

	bpf_spin_lock(&list_lock);
	node = bpf_list_front(&list);
	if (node)
		bpf_list_push_front(&other_list, node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int list_in_map_value(void *ctx)
{
	u32 key = 1;
	struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
	struct item *n;

	if (!b)
		return 0;
	n = bpf_obj_new(struct item);
	if (!n)
		return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front(&b->head, &n->node);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int list_in_other_map_value(void *ctx)
{
	u32 k1 = 1, k2 = 2;
	struct bucket *b = bpf_map_lookup_elem(&buckets, &k1);
	struct bucket *c = bpf_map_lookup_elem(&buckets, &k2);
	struct item *n;

	if (!b || !c)
		return 0;
	n = bpf_obj_new(struct item);
	if (!n)
		return 0;
	bpf_spin_lock(&c->lock);
	bpf_list_push_front(&b->head, &n->node);
	bpf_spin_unlock(&c->lock);
	return 0;
}

SEC("tc") int list_in_object(void *ctx)
{
	struct family *f = bpf_obj_new(struct family);
	struct item *n;

	if (!f)
		return 0;
	n = bpf_obj_new(struct item);
	if (n) {
		bpf_spin_lock(&f->lock);
		bpf_list_push_front(&f->children, &n->node);
		bpf_spin_unlock(&f->lock);
	}
	bpf_obj_drop(f);
	return 0;
}

SEC("tc") int list_head_written(void *ctx)
{
	*(volatile u64 *)&list = 0;
	return 0;
}

SEC("tc") int list_off_by(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front((void *)((char *)&list + 4), &n->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int tree_add(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	n->key = 5;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int tree_add_and_remove(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);
	struct bpf_rb_node *out;

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less);
	out = bpf_rbtree_remove(&tree, &n->node);
	bpf_spin_unlock(&tree_lock);
	if (out)
		bpf_obj_drop(container_of(out, struct leaf, node));
	return 0;
}

SEC("tc") int tree_remove_result_leaks(void *ctx)
{
	struct bpf_rb_node *out, *first;

	bpf_spin_lock(&tree_lock);
	first = bpf_rbtree_first(&tree);
	if (!first) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	out = bpf_rbtree_remove(&tree, first);
	bpf_spin_unlock(&tree_lock);
	return out != NULL;
}

SEC("tc") int tree_first(void *ctx)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		sum += container_of(node, struct leaf, node)->key;
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int tree_first_without_lock(void *ctx)
{
	return bpf_rbtree_first(&tree) != NULL;
}

SEC("tc") int tree_first_after_unlock(void *ctx)
{
	struct bpf_rb_node *node;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	bpf_spin_unlock(&tree_lock);
	if (node)
		sum += container_of(node, struct leaf, node)->key;
	return 0;
}

SEC("tc") int tree_first_removed(void *ctx)
{
	struct bpf_rb_node *node, *out;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (!node) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	out = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&tree_lock);
	if (out) {
		sum += container_of(out, struct leaf, node)->key;
		bpf_obj_drop(container_of(out, struct leaf, node));
	}
	return 0;
}

SEC("tc") int tree_node_after_remove(void *ctx)
{
	struct bpf_rb_node *node, *out;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (!node) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	out = bpf_rbtree_remove(&tree, node);
	sum += container_of(node, struct leaf, node)->key;
	bpf_spin_unlock(&tree_lock);
	if (out)
		bpf_obj_drop(container_of(out, struct leaf, node));
	return 0;
}

SEC("tc") int tree_remove_twice(void *ctx)
{
	struct bpf_rb_node *node, *a, *b = NULL;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (!node) {
		bpf_spin_unlock(&tree_lock);
		return 0;
	}
	a = bpf_rbtree_remove(&tree, node);
	b = bpf_rbtree_remove(&tree, node);
	bpf_spin_unlock(&tree_lock);
	if (a)
		bpf_obj_drop(container_of(a, struct leaf, node));
	if (b)
		bpf_obj_drop(container_of(b, struct leaf, node));
	return 0;
}

SEC("tc") int tree_walk(void *ctx)
{
	struct bpf_rb_node *node;
	struct bpf_iter_num it;

	bpf_spin_lock(&tree_lock);
	node = bpf_rbtree_root(&tree);
	bpf_iter_num_new(&it, 0, 32);
	while (bpf_iter_num_next(&it)) {
		struct leaf *l;

		if (!node)
			break;
		l = container_of(node, struct leaf, node);
		if (l->key == 7)
			break;
		if (l->key < 7)
			node = bpf_rbtree_right(&tree, node);
		else
			node = bpf_rbtree_left(&tree, node);
	}
	bpf_iter_num_destroy(&it);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int tree_left_of_unlinked(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_left(&tree, &n->node);
	bpf_spin_unlock(&tree_lock);
	bpf_obj_drop(n);
	return 0;
}

static bool less_adds(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rbtree_add(&tree, a, less);
	return false;
}

SEC("tc") int tree_callback_adds(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_adds);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

static bool less_removes(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct bpf_rb_node *out = bpf_rbtree_remove(&tree, a);

	if (out)
		bpf_obj_drop(container_of(out, struct leaf, node));
	return false;
}

SEC("tc") int tree_callback_removes(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_removes);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

static bool less_first(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct bpf_rb_node *first = bpf_rbtree_first(&tree);

	if (first)
		return container_of(first, struct leaf, node)->key & 1;
	return false;
}

SEC("tc") int tree_callback_looks_first(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_first);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

static bool less_unlocks(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_spin_unlock(&tree_lock);
	return false;
}

SEC("tc") int tree_callback_unlocks(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_unlocks);
	return 0;
}

static bool less_writes(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	container_of(a, struct leaf, node)->value = 3;
	return 1;
}

SEC("tc") int tree_callback_writes(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_writes);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

static bool less_rcu(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 1;
}

SEC("tc") int tree_callback_rcu(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, less_rcu);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

static int less_two(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return 2;
}

SEC("tc") int tree_callback_returns_two(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, (void *)less_two);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int tree_add_list_item(void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, (void *)&n->node, less);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int tree_add_no_callback(void *ctx)
{
	struct leaf *n = bpf_obj_new(struct leaf);

	if (!n)
		return 0;
	bpf_spin_lock(&tree_lock);
	bpf_rbtree_add(&tree, &n->node, NULL);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

SEC("tc") int shared_in_both(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	m = bpf_refcount_acquire(n);
	bpf_spin_lock(&shared_lock);
	bpf_rbtree_add(&shared_tree, &n->in_tree, less_shared);
	bpf_list_push_back(&shared_list, &m->in_list);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc") int shared_acquired_leaks(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	m = bpf_refcount_acquire(n);
	bpf_obj_drop(n);
	return m->key;
}

SEC("tc") int shared_used_after_drop_of_other(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	m = bpf_refcount_acquire(n);
	bpf_obj_drop(n);
	m->value = 3;
	bpf_obj_drop(m);
	return 0;
}

SEC("tc") int shared_acquire_of_pushed(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&shared_list, &n->in_list);
	m = bpf_refcount_acquire(n);
	bpf_spin_unlock(&shared_lock);
	if (m)
		bpf_obj_drop(m);
	return 0;
}

SEC("tc") int shared_acquire_unchecked(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&shared_list, &n->in_list);
	m = bpf_refcount_acquire(n);
	bpf_spin_unlock(&shared_lock);
	bpf_obj_drop(m);
	return 0;
}

SEC("tc") int shared_acquire_after_unlock(void *ctx)
{
	struct shared *n = bpf_obj_new(struct shared), *m;

	if (!n)
		return 0;
	bpf_spin_lock(&shared_lock);
	bpf_list_push_back(&shared_list, &n->in_list);
	bpf_spin_unlock(&shared_lock);
	m = bpf_refcount_acquire(n);
	if (m)
		bpf_obj_drop(m);
	return 0;
}

SEC("tc") int shared_acquire_of_plain(void *ctx)
{
	struct plain *n = bpf_obj_new(struct plain), *m;

	if (!n)
		return 0;
	m = bpf_refcount_acquire(n);
	bpf_obj_drop(m);
	bpf_obj_drop(n);
	return 0;
}

SEC("tc") int shared_remove_then_push(void *ctx)
{
	struct bpf_rb_node *node, *out;

	bpf_spin_lock(&shared_lock);
	node = bpf_rbtree_first(&shared_tree);
	if (!node) {
		bpf_spin_unlock(&shared_lock);
		return 0;
	}
	out = bpf_rbtree_remove(&shared_tree, node);
	if (out)
		bpf_list_push_front(&shared_list, &container_of(out, struct shared, in_tree)->in_list);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc") int shared_list_to_tree(void *ctx)
{
	struct bpf_list_node *popped;

	bpf_spin_lock(&shared_lock);
	popped = bpf_list_pop_front(&shared_list);
	if (popped)
		bpf_rbtree_add(&shared_tree, &container_of(popped, struct shared, in_list)->in_tree, less_shared);
	bpf_spin_unlock(&shared_lock);
	return 0;
}

SEC("tc") int percpu_new_and_drop(void *ctx)
{
	struct plain __percpu_kptr *p = bpf_percpu_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_percpu_obj_drop(p);
	return 0;
}

SEC("tc") int percpu_direct(void *ctx)
{
	struct plain __percpu_kptr *p = bpf_percpu_obj_new(struct plain);

	if (!p)
		return 0;
	sum = ((struct plain *)p)->a;
	bpf_percpu_obj_drop(p);
	return 0;
}

SEC("tc") int percpu_this(void *ctx)
{
	struct plain __percpu_kptr *p = bpf_percpu_obj_new(struct plain);
	struct plain *mine;

	if (!p)
		return 0;
	mine = bpf_this_cpu_ptr((void *)p);
	mine->a = 3;
	mine = bpf_per_cpu_ptr((void *)p, 0);
	if (mine)
		sum += mine->b;
	bpf_percpu_obj_drop(p);
	return 0;
}

SEC("tc") int percpu_dropped_plainly(void *ctx)
{
	struct plain __percpu_kptr *p = bpf_percpu_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_obj_drop((void *)p);
	return 0;
}

SEC("tc") int plain_dropped_as_percpu(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_percpu_obj_drop(p);
	return 0;
}

SEC("tc") int percpu_of_special(void *ctx)
{
	struct item __percpu_kptr *p = bpf_percpu_obj_new(struct item);

	if (!p)
		return 0;
	bpf_percpu_obj_drop(p);
	return 0;
}

SEC("tc") int held_in_object(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct plain *p, *old;

	if (!h)
		return 0;
	p = bpf_obj_new(struct plain);
	if (p) {
		old = bpf_kptr_xchg(&h->held, p);
		if (old)
			bpf_obj_drop(old);
	}
	old = bpf_kptr_xchg(&h->held, NULL);
	if (old)
		bpf_obj_drop(old);
	bpf_obj_drop(h);
	return 0;
}

SEC("tc") int held_wrong_type(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct locked *p, *old;

	if (!h)
		return 0;
	p = bpf_obj_new(struct locked);
	if (p) {
		old = bpf_kptr_xchg(&h->held, p);
		if (old)
			bpf_obj_drop(old);
	}
	bpf_obj_drop(h);
	return 0;
}

SEC("tc") int held_loaded(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct plain *p;

	if (!h)
		return 0;
	p = h->held;
	if (p)
		sum += p->a;
	bpf_obj_drop(h);
	return 0;
}

SEC("tc") int held_stored(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);

	if (!h)
		return 0;
	*(void *volatile *)&h->held = NULL;
	bpf_obj_drop(h);
	return 0;
}

SEC("tc") int held_exchange_leaks(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct plain *p;

	if (!h)
		return 0;
	p = bpf_obj_new(struct plain);
	if (p)
		bpf_kptr_xchg(&h->held, p);
	bpf_obj_drop(h);
	return 0;
}

SEC("tc") int held_used_after_exchange(void *ctx)
{
	struct holder *h = bpf_obj_new(struct holder);
	struct plain *p, *old;

	if (!h)
		return 0;
	p = bpf_obj_new(struct plain);
	if (p) {
		old = bpf_kptr_xchg(&h->held, p);
		if (old)
			bpf_obj_drop(old);
		sum = p->a;
	}
	bpf_obj_drop(h);
	return 0;
}

static __noinline struct plain *make(void)
{
	return bpf_obj_new(struct plain);
}

SEC("tc") int made_in_subprog(void *ctx)
{
	struct plain *p = make();

	if (!p)
		return 0;
	p->a = 1;
	bpf_obj_drop(p);
	return 0;
}

static int each_drops(u32 i, struct plain **p)
{
	if (*p)
		bpf_obj_drop(*p);
	*p = NULL;
	return 0;
}

SEC("tc") int dropped_in_callback(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	bpf_loop(1, each_drops, &p, 0);
	return 0;
}

static int each_pushes(u32 i, void *ctx)
{
	struct item *n = bpf_obj_new(struct item);

	if (!n)
		return 1;
	n->key = i;
	bpf_spin_lock(&list_lock);
	bpf_list_push_back(&list, &n->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int pushed_in_callback(void *ctx)
{
	bpf_loop(50, each_pushes, NULL, 0);
	return 0;
}

SEC("socket") int new_in_socket_filter(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (p)
		bpf_obj_drop(p);
	return 0;
}

char _license[] SEC("license") = "GPL";
