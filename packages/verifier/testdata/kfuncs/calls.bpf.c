// SPDX-License-Identifier: MIT
//
// Kernel functions through subprograms and global functions with tagged arguments, casts, arenas, and functions that this
// kernel does not have.
#include "kfuncs.h"

u64 sum;

extern void bpf_no_such_function(u64 n) __ksym __weak;
extern struct task_struct *bpf_task_from_vpid(s32 vpid) __ksym __weak;
extern int bpf_strnlen(const char *s, u64 n) __ksym;
extern int bpf_strstr(const char *s, const char *t) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
} arena SEC(".maps");

SEC("tp_btf/sched_switch") int weak_absent_guarded(void *ctx)
{
	if (bpf_no_such_function)
		bpf_no_such_function(3);
	return 0;
}

SEC("tp_btf/sched_switch") int weak_absent_called(void *ctx)
{
	bpf_no_such_function(3);
	return 0;
}

SEC("tp_btf/sched_switch") int weak_present_guarded(void *ctx)
{
	struct task_struct *p;

	if (!bpf_task_from_vpid)
		return 0;
	p = bpf_task_from_vpid(3);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("tc") int call_in_dead_code(void *ctx)
{
	u64 zero = 0;

	barrier_var(zero);
	if (bpf_get_prandom_u32() > 0xffffffffULL)
		bpf_rcu_read_lock();
	return 0;
}

SEC("socket") int call_not_allowed_in_dead_code(void *ctx)
{
	u64 v = 3;

	v &= 4;
	asm volatile("if %[v] == 0 goto +1;call bpf_task_from_pid" : : [v] "r"(v) : "r0", "r1", "r2", "r3", "r4", "r5");
	return 0;
}

__noinline int takes_trusted(struct task_struct *p __arg_trusted)
{
	struct task_struct *q = bpf_task_acquire(p);

	if (q)
		bpf_task_release(q);
	return p->pid;
}

__noinline int takes_trusted_nullable(struct task_struct *p __arg_trusted __arg_nullable)
{
	return p ? p->pid : 0;
}

__noinline int takes_trusted_nullable_unchecked(struct task_struct *p __arg_trusted __arg_nullable)
{
	return p->pid;
}

__noinline int takes_untrusted(struct task_struct *p __arg_untrusted)
{
	return p->pid;
}

__noinline int takes_untrusted_acquires(struct task_struct *p __arg_untrusted)
{
	struct task_struct *q = bpf_task_acquire(p);

	if (q)
		bpf_task_release(q);
	return 0;
}

__noinline int takes_untrusted_number(u64 *p __arg_untrusted)
{
	return *p;
}

__noinline int takes_untrusted_bytes(char *p __arg_untrusted)
{
	return p[100];
}

__noinline int takes_trusted_int(int *p __arg_trusted)
{
	return *p;
}

__noinline int takes_ctx(void *ctx __arg_ctx)
{
	return ((u64 *)ctx)[0] != 0;
}

__noinline int takes_nonnull(u64 *p __arg_nonnull)
{
	return *p;
}

__noinline int takes_memory(u64 *p)
{
	return p ? *p : 0;
}

SEC("tp_btf/task_newtask") int trusted_from_context(u64 *ctx)
{
	return takes_trusted((struct task_struct *)ctx[0]) & 0;
}

SEC("tp_btf/task_newtask") int trusted_from_current(u64 *ctx)
{
	return takes_trusted(bpf_get_current_task_btf()) & 0;
}

SEC("tp_btf/task_newtask") int trusted_null(u64 *ctx)
{
	return takes_trusted(NULL) & 0;
}

SEC("tp_btf/task_newtask") int trusted_walked(u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];

	return takes_trusted(p->last_wakee) & 0;
}

SEC("tp_btf/task_newtask") int trusted_acquired(u64 *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	if (!p)
		return 0;
	takes_trusted(p);
	bpf_task_release(p);
	return 0;
}

SEC("tp_btf/task_newtask") int trusted_acquired_maybe_null(u64 *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	takes_trusted_nullable(p);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("tp_btf/task_newtask") int trusted_acquired_unchecked(u64 *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	takes_trusted(p);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("tp_btf/task_newtask") int trusted_rcu(u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];

	return takes_trusted(p->real_parent) & 0;
}

SEC("tp_btf/task_newtask") int trusted_wrong_type(u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return 0;
	takes_trusted((void *)mask);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask") int trusted_number(u64 *ctx)
{
	return takes_trusted((void *)4711) & 0;
}

SEC("tp_btf/task_newtask") int nullable_null(u64 *ctx)
{
	return takes_trusted_nullable(NULL) & 0;
}

SEC("tp_btf/task_newtask") int nullable_unchecked(u64 *ctx)
{
	return takes_trusted_nullable_unchecked((void *)ctx[0]) & 0;
}

SEC("tp_btf/task_newtask") int untrusted_walked(u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];

	return takes_untrusted(p->last_wakee) & 0;
}

SEC("tp_btf/task_newtask") int untrusted_anything(u64 *ctx)
{
	return takes_untrusted((void *)4711) & 0;
}

SEC("tp_btf/task_newtask") int untrusted_acquired(u64 *ctx)
{
	return takes_untrusted_acquires((void *)ctx[0]) & 0;
}

SEC("tp_btf/task_newtask") int untrusted_memory(u64 *ctx)
{
	return (takes_untrusted_number((void *)ctx[0]) + takes_untrusted_bytes((void *)17)) & 0;
}

SEC("tp_btf/task_newtask") int trusted_no_struct(u64 *ctx)
{
	return takes_trusted_int((void *)ctx[0]) & 0;
}

SEC("tp_btf/task_newtask") int context_passed(u64 *ctx)
{
	return takes_ctx(ctx) & 0;
}

SEC("tp_btf/task_newtask") int context_null(u64 *ctx)
{
	return takes_ctx(NULL) & 0;
}

SEC("tp_btf/task_newtask") int nonnull_passed(u64 *ctx)
{
	u64 n = 3;

	return takes_nonnull(&n) & 0;
}

SEC("tp_btf/task_newtask") int nonnull_null(u64 *ctx)
{
	return takes_nonnull(NULL) & 0;
}

SEC("tp_btf/task_newtask") int memory_null(u64 *ctx)
{
	return takes_memory(NULL) & 0;
}

SEC("tc") int kern_ctx_chain(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	sum += skb->len + skb->dev->ifindex;
	return 0;
}

SEC("tc") int kern_ctx_written(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	*(volatile u32 *)&skb->len = 1;
	return 0;
}

SEC("tc") int kern_ctx_of_stack(struct __sk_buff *ctx)
{
	u64 room;
	struct sk_buff *skb = bpf_cast_to_kern_ctx(&room);

	return skb->len;
}

SEC("xdp") int kern_ctx_xdp(struct xdp_md *ctx)
{
	struct xdp_buff *xdp = bpf_cast_to_kern_ctx(ctx);

	return xdp->rxq->dev->ifindex & 1;
}

SEC("tp_btf/sched_switch") int kern_ctx_tracing(void *ctx)
{
	u64 *room = bpf_cast_to_kern_ctx(ctx);

	return room != NULL;
}

SEC("tp_btf/sched_switch") int rdonly_cast_number(void *ctx)
{
	struct task_struct *p = bpf_rdonly_cast((void *)sum, type_id_kernel(struct task_struct));

	return p->pid & 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_chain(void *ctx)
{
	struct task_struct *p = bpf_rdonly_cast((void *)bpf_get_current_task(), type_id_kernel(struct task_struct));

	sum += p->real_parent->group_leader->last_wakee->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_acquired(void *ctx)
{
	struct task_struct *p = bpf_rdonly_cast((void *)bpf_get_current_task(), type_id_kernel(struct task_struct));
	struct task_struct *q = bpf_task_acquire(p);

	if (q)
		bpf_task_release(q);
	return 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_written(void *ctx)
{
	struct task_struct *p = bpf_rdonly_cast((void *)bpf_get_current_task(), type_id_kernel(struct task_struct));

	*(volatile int *)&p->pid = 3;
	return 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_void(void *ctx)
{
	u64 *p = bpf_rdonly_cast((void *)sum, 0);

	return p[100] & 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_void_loop(void *ctx)
{
	u8 *p = bpf_rdonly_cast((void *)sum, 0);
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 1000);
	while ((v = bpf_iter_num_next(&it)))
		sum += p[*v];
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int rdonly_cast_unknown_type(void *ctx)
{
	return bpf_rdonly_cast((void *)sum, 0x7fffffff) != NULL;
}

SEC("tp_btf/sched_switch") int rdonly_cast_no_struct(void *ctx)
{
	return bpf_rdonly_cast((void *)sum, 1) != NULL;
}

SEC("tp_btf/sched_switch") int rdonly_cast_type_not_constant(void *ctx)
{
	return bpf_rdonly_cast((void *)sum, sum) != NULL;
}

SEC("tp_btf/sched_switch") int task_released_twice(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	if (!p)
		return 0;
	bpf_task_release(p);
	bpf_task_release(p);
	return 0;
}

SEC("tp_btf/sched_switch") int task_used_after_release(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	if (!p)
		return 0;
	bpf_task_release(p);
	sum += p->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int task_child_used_after_release(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1), *q;

	if (!p)
		return 0;
	q = p->group_leader;
	bpf_task_release(p);
	sum += q->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int task_released_not_acquired(void *ctx)
{
	bpf_task_release(bpf_get_current_task_btf());
	return 0;
}

SEC("tp_btf/sched_switch") int task_released_as_cgroup(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	if (!p)
		return 0;
	bpf_cgroup_release((void *)p);
	return 0;
}

SEC("tp_btf/sched_switch") int task_offset_released(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);

	if (!p)
		return 0;
	bpf_task_release((void *)((char *)p + 8));
	return 0;
}

SEC("tp_btf/sched_switch") int task_in_register_arithmetic(void *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u32 at = bpf_get_prandom_u32() & 8;

	return *((volatile char *)p + at) & 0;
}

static __noinline struct task_struct *find(s32 pid)
{
	return bpf_task_from_pid(pid);
}

static __noinline void drop(struct task_struct *p)
{
	if (p)
		bpf_task_release(p);
}

SEC("tp_btf/sched_switch") int task_through_subprogs(void *ctx)
{
	drop(find(3));
	return 0;
}

SEC("tp_btf/sched_switch") int task_spilled(void *ctx)
{
	struct task_struct *volatile kept = bpf_task_from_pid(1);

	if (kept)
		bpf_task_release(kept);
	return 0;
}

SEC("tp_btf/sched_switch") int task_spilled_checked_elsewhere(void *ctx)
{
	struct task_struct *p = bpf_task_from_pid(1);
	struct task_struct *volatile kept = p;

	if (p)
		bpf_task_release(kept);
	return 0;
}

SEC("tp_btf/sched_switch") int task_in_loop(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		struct task_struct *p = bpf_task_from_pid(*v);

		if (!p)
			continue;
		if (p->tgid == 7) {
			bpf_task_release(p);
			break;
		}
		bpf_task_release(p);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int task_in_loop_leaks_on_break(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		struct task_struct *p = bpf_task_from_pid(*v);

		if (!p)
			continue;
		if (p->tgid == 7)
			break;
		bpf_task_release(p);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int task_kept_over_loop(void *ctx)
{
	struct task_struct *best = NULL;
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		struct task_struct *p = bpf_task_from_pid(*v);

		if (!p)
			continue;
		if (best)
			bpf_task_release(best);
		best = p;
	}
	bpf_iter_num_destroy(&it);
	if (best)
		bpf_task_release(best);
	return 0;
}

struct search { struct task_struct *found; };

static int looks(u32 i, struct search *s)
{
	if (s->found)
		return 1;
	s->found = bpf_task_from_pid(i);
	return 0;
}

SEC("tp_btf/sched_switch") int task_found_in_callback(void *ctx)
{
	struct search s = {};

	bpf_loop(100, looks, &s, 0);
	if (s.found)
		bpf_task_release(s.found);
	return 0;
}

SEC("tp_btf/sched_switch") int may_goto_in_iterator_loop(void *ctx)
{
	struct bpf_iter_num it;
	u64 n = 0;

	bpf_iter_num_new(&it, 0, 10);
	while (bpf_iter_num_next(&it)) {
		asm volatile("1: .byte 0xe5,0,3,0,0,0,0,0;%[n] += 1;%[n] &= 0xff;goto 1b" : [n] "+r"(n));
	}
	bpf_iter_num_destroy(&it);
	sum = n;
	return 0;
}

SEC("tp_btf/sched_switch") int strings(void *ctx)
{
	char text[16] = "text";

	return (bpf_strlen(text) + bpf_strcmp("a", text) + bpf_strnlen(text, 3) + bpf_strstr(text, "x")) & 0;
}

SEC("tp_btf/sched_switch") int strings_null(void *ctx)
{
	return bpf_strlen(NULL) & 0;
}

SEC("tp_btf/sched_switch") int strings_number(void *ctx)
{
	return bpf_strlen((void *)sum) & 0;
}

SEC("tp_btf/sched_switch") int strings_uninitialised(void *ctx)
{
	char text[16];

	return bpf_strlen(text) & 0;
}

SEC("syscall") int arena_pages(void *ctx)
{
	u64 __arena *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	if (!page)
		return 1;
	page[3] = 5;
	bpf_arena_free_pages(&arena, page, 1);
	return 0;
}

SEC("syscall") int arena_pages_from_null_map(void *ctx)
{
	return bpf_arena_alloc_pages(NULL, NULL, 1, -1, 0) != NULL;
}

SEC("tp_btf/sched_switch") int arena_not_sleepable(void *ctx)
{
	return bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0) != NULL;
}

SEC("syscall") int arena_under_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int arena_freed_number(void *ctx)
{
	bpf_arena_free_pages(&arena, (void __arena *)4096, 1);
	return 0;
}

SEC("syscall") int arena_freed_stack(void *ctx)
{
	u64 room;

	bpf_arena_free_pages(&arena, (void __arena *)(u64)&room, 1);
	return 0;
}

__noinline int takes_arena(u64 __arena *p __arg_arena)
{
	return p[1];
}

SEC("syscall") int arena_to_global(void *ctx)
{
	u64 __arena *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	return takes_arena(page);
}

SEC("syscall") int arena_number_to_global(void *ctx)
{
	void *map = &arena;

	barrier_var(map);
	return takes_arena((void __arena *)4096);
}

SEC("syscall") int arena_stack_to_global(void *ctx)
{
	void *map = &arena;
	u64 room = 0;

	barrier_var(map);
	return takes_arena((void __arena *)(u64)&room);
}

SEC("syscall") int arena_to_global_without_map(void *ctx)
{
	return takes_arena((void __arena *)4096);
}

SEC("syscall") int arena_in_loop(void *ctx)
{
	u64 __arena *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 1000);
	while ((v = bpf_iter_num_next(&it)))
		page[*v] = *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

struct list_node { struct list_node __arena *next; u64 value; };

SEC("syscall") int arena_list(void *ctx)
{
	struct list_node __arena *node = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	struct bpf_iter_num it;
	u64 n = 0;

	bpf_iter_num_new(&it, 0, 1000);
	while (node && bpf_iter_num_next(&it)) {
		n += node->value;
		node = node->next;
	}
	bpf_iter_num_destroy(&it);
	return n & 1;
}

struct ct_opts { s32 netns_id; s32 error; u8 l4proto; u8 dir; u8 reserved[2]; };
struct sock_tuple { u32 saddr; u32 daddr; u16 sport; u16 dport; };

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct sock_tuple *tuple, u32 size, struct ct_opts *opts,
					 u32 opts_size) __ksym;
extern struct nf_conn *bpf_xdp_ct_alloc(struct xdp_md *ctx, struct sock_tuple *tuple, u32 size, struct ct_opts *opts,
					u32 opts_size) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn *ct) __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn *ct, u32 timeout) __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *ct, u32 timeout) __ksym;

#define CT(name, body)                                                                                                \
	SEC("xdp") int name(struct xdp_md *ctx)                                                                       \
	{                                                                                                             \
		struct ct_opts opts = {};                                                                             \
		struct sock_tuple tuple = {};                                                                         \
                                                                                                                      \
		body;                                                                                                 \
		return 2;                                                                                             \
	}
#define LOOKUP bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple), &opts, sizeof(opts))
#define ALLOC bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple), &opts, sizeof(opts))

CT(ct_lookup, {
	struct nf_conn *ct = LOOKUP;
	if (ct) {
		sum += ct->status;
		bpf_ct_release(ct);
	}
})

CT(ct_lookup_leaks, {
	struct nf_conn *ct = LOOKUP;
	sum += ct != NULL;
})

CT(ct_inserted, {
	struct nf_conn *ct = ALLOC;
	struct nf_conn *inserted;
	if (ct) {
		bpf_ct_set_timeout((void *)ct, 10000);
		inserted = bpf_ct_insert_entry(ct);
		if (inserted)
			bpf_ct_release(inserted);
	}
})

CT(ct_inserted_used_after, {
	struct nf_conn *ct = ALLOC;
	struct nf_conn *inserted;
	if (ct) {
		inserted = bpf_ct_insert_entry(ct);
		if (inserted)
			bpf_ct_release(inserted);
		sum += ct->status;
	}
})

CT(ct_alloc_released, {
	struct nf_conn *ct = ALLOC;
	if (ct)
		bpf_ct_release(ct);
})

CT(ct_alloc_changed, {
	struct nf_conn *ct = ALLOC;
	if (ct) {
		bpf_ct_change_timeout(ct, 3);
		ct = bpf_ct_insert_entry(ct);
		if (ct)
			bpf_ct_release(ct);
	}
})

CT(ct_lookup_set, {
	struct nf_conn *ct = LOOKUP;
	if (ct) {
		bpf_ct_set_timeout(ct, 3);
		bpf_ct_release(ct);
	}
})

CT(ct_small_opts, {
	struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple), &opts, 64);
	if (ct)
		bpf_ct_release(ct);
})

CT(ct_null_tuple, {
	struct nf_conn *ct = bpf_xdp_ct_lookup(ctx, NULL, sizeof(tuple), &opts, sizeof(opts));
	if (ct)
		bpf_ct_release(ct);
})

char _license[] SEC("license") = "GPL";
