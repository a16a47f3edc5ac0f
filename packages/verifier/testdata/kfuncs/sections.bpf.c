// SPDX-License-Identifier: MIT
//
// Sections under RCU, without preemption, without interrupts, and locks that may fail to be taken.
#include "kfuncs.h"

u64 sum;

struct guarded { struct bpf_res_spin_lock lock; u64 n; };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct guarded);
} guards SEC(".maps");

private(A) struct bpf_res_spin_lock lock_a;
private(A) u64 beside_a;
private(B) struct bpf_res_spin_lock lock_b;
private(C) struct bpf_spin_lock plain;
private(C) u64 beside_plain;

SEC("syscall") int rcu_simple(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_nested(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_nested_leak(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_unlock_alone(void *ctx)
{
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_sleeps_inside(void *ctx)
{
	u64 v;

	bpf_rcu_read_lock();
	bpf_copy_from_user(&v, 8, NULL);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_sleepable_kfunc_inside(void *ctx)
{
	u64 v;

	bpf_rcu_read_lock();
	bpf_copy_from_user_str(&v, 8, NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int sleepable_kfunc_in_tc(void *ctx)
{
	u64 v;

	bpf_copy_from_user_str(&v, 8, NULL, 0);
	return 0;
}

SEC("syscall") int rcu_pointer_inside(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *parent;

	bpf_rcu_read_lock();
	parent = current->real_parent;
	sum = parent->pid;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_pointer_after(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *parent;

	bpf_rcu_read_lock();
	parent = current->real_parent;
	bpf_rcu_read_unlock();
	sum = parent->pid;
	return 0;
}

SEC("syscall") int rcu_pointer_after_acquired(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *parent, *p;

	bpf_rcu_read_lock();
	parent = current->real_parent;
	bpf_rcu_read_unlock();
	p = bpf_task_acquire(parent);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("syscall") int rcu_pointer_acquired(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *p;

	bpf_rcu_read_lock();
	p = bpf_task_acquire(current->real_parent);
	bpf_rcu_read_unlock();
	if (p) {
		sum = p->pid;
		bpf_task_release(p);
	}
	return 0;
}

SEC("syscall") int rcu_pointer_without(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *p;

	p = bpf_task_acquire(current->real_parent);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("syscall") int rcu_pointer_or_null(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct css_set *set;

	bpf_rcu_read_lock();
	set = current->cgroups;
	if (set)
		sum = set->dfl_cgrp->level;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_null_unchecked_use(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *p;

	bpf_rcu_read_lock();
	p = current->last_wakee;
	if (bpf_task_under_cgroup(p, NULL))
		sum++;
	bpf_rcu_read_unlock();
	return 0;
}

static __noinline void rcu_begin(void)
{
	bpf_rcu_read_lock();
}

static __noinline void rcu_finish(void)
{
	bpf_rcu_read_unlock();
}

SEC("syscall") int rcu_across_subprogs(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();

	rcu_begin();
	sum = current->real_parent->pid;
	rcu_finish();
	return 0;
}

SEC("syscall") int rcu_leak_from_subprog(void *ctx)
{
	rcu_begin();
	return 0;
}

__noinline int rcu_global_balanced(u64 n)
{
	bpf_rcu_read_lock();
	sum += n;
	bpf_rcu_read_unlock();
	return 0;
}

__noinline int rcu_global_leaks(u64 n)
{
	bpf_rcu_read_lock();
	sum += n;
	return 0;
}

__noinline int global_sleeps(u64 n)
{
	u64 v = n;

	bpf_copy_from_user(&v, 8, NULL);
	return v;
}

__noinline int global_sleeps_deep(u64 n)
{
	return global_sleeps(n) + 1;
}

SEC("syscall") int rcu_around_global(void *ctx)
{
	bpf_rcu_read_lock();
	rcu_global_balanced(3);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_global_leak(void *ctx)
{
	rcu_global_leaks(3);
	return 0;
}

SEC("syscall") int rcu_around_sleeping_global(void *ctx)
{
	bpf_rcu_read_lock();
	global_sleeps(3);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_around_sleeping_global_deep(void *ctx)
{
	bpf_rcu_read_lock();
	global_sleeps_deep(3);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int preempt_around_sleeping_global(void *ctx)
{
	bpf_preempt_disable();
	global_sleeps(3);
	bpf_preempt_enable();
	return 0;
}

SEC("tc") int sleeping_global_in_tc(void *ctx)
{
	return global_sleeps_deep(3);
}

SEC("syscall") int sleeping_global_fine(void *ctx)
{
	return global_sleeps_deep(3);
}

static int rcu_callback_balanced(u32 i, void *ctx)
{
	bpf_rcu_read_lock();
	sum += i;
	bpf_rcu_read_unlock();
	return 0;
}

static int rcu_callback_locks(u32 i, void *ctx)
{
	bpf_rcu_read_lock();
	return 0;
}

static int rcu_callback_unlocks(u32 i, void *ctx)
{
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int rcu_in_callback(void *ctx)
{
	bpf_loop(10, rcu_callback_balanced, NULL, 0);
	return 0;
}

SEC("syscall") int rcu_lock_in_callback(void *ctx)
{
	bpf_loop(10, rcu_callback_locks, NULL, 0);
	return 0;
}

SEC("syscall") int rcu_unlock_in_callback(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_loop(1, rcu_callback_unlocks, NULL, 0);
	return 0;
}

SEC("syscall") int preempt_simple(void *ctx)
{
	bpf_preempt_disable();
	sum++;
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_nested(void *ctx)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_preempt_enable();
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_leak(void *ctx)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_enable_alone(void *ctx)
{
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_sleeps_inside(void *ctx)
{
	u64 v;

	bpf_preempt_disable();
	bpf_copy_from_user(&v, 8, NULL);
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_sleepable_kfunc_inside(void *ctx)
{
	u64 v;

	bpf_preempt_disable();
	bpf_copy_from_user_str(&v, 8, NULL, 0);
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_on_one_path(void *ctx)
{
	u32 r = bpf_get_prandom_u32();

	if (r & 1)
		bpf_preempt_disable();
	sum++;
	if (r & 1)
		bpf_preempt_enable();
	return 0;
}

SEC("syscall") int preempt_on_other_path(void *ctx)
{
	if (bpf_get_prandom_u32() & 1)
		bpf_preempt_disable();
	sum++;
	bpf_preempt_enable();
	return 0;
}

SEC("syscall") int irq_simple(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	sum++;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_nested(void *ctx)
{
	unsigned long one, two;

	bpf_local_irq_save(&one);
	bpf_local_irq_save(&two);
	bpf_local_irq_restore(&two);
	bpf_local_irq_restore(&one);
	return 0;
}

SEC("syscall") int irq_out_of_order(void *ctx)
{
	unsigned long one, two;

	bpf_local_irq_save(&one);
	bpf_local_irq_save(&two);
	bpf_local_irq_restore(&one);
	bpf_local_irq_restore(&two);
	return 0;
}

SEC("syscall") int irq_leak(void *ctx)
{
	unsigned long one, two;

	bpf_local_irq_save(&one);
	bpf_local_irq_save(&two);
	bpf_local_irq_restore(&two);
	return 0;
}

SEC("syscall") int irq_saved_twice(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_restored_twice(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_restore_alone(void *ctx)
{
	unsigned long flags = 0;

	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_overwritten(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	*(volatile unsigned long *)&flags = 3;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_overwritten_partly(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	*(volatile u8 *)&flags = 3;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_read(void *ctx)
{
	unsigned long flags, copy;

	bpf_local_irq_save(&flags);
	copy = *(volatile unsigned long *)&flags;
	bpf_local_irq_restore(&flags);
	return copy;
}

SEC("syscall") int irq_sleeps_inside(void *ctx)
{
	unsigned long flags;
	u64 v;

	bpf_local_irq_save(&flags);
	bpf_copy_from_user(&v, 8, NULL);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_sleepable_kfunc_inside(void *ctx)
{
	unsigned long flags;
	u64 v;

	bpf_local_irq_save(&flags);
	bpf_copy_from_user_str(&v, 8, NULL, 0);
	bpf_local_irq_restore(&flags);
	return 0;
}

static __noinline void irq_begin(unsigned long *flags)
{
	bpf_local_irq_save(flags);
}

static __noinline void irq_finish(unsigned long *flags)
{
	bpf_local_irq_restore(flags);
}

SEC("syscall") int irq_across_subprogs(void *ctx)
{
	unsigned long flags;

	irq_begin(&flags);
	sum++;
	irq_finish(&flags);
	return 0;
}

SEC("syscall") int irq_leak_from_subprog(void *ctx)
{
	unsigned long flags;

	irq_begin(&flags);
	return 0;
}

static __noinline int irq_leaks_own_flags(void)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	return 0;
}

SEC("syscall") int irq_flags_of_ended_frame(void *ctx)
{
	return irq_leaks_own_flags();
}

SEC("syscall") int irq_global_inside(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	global_sleeps(3);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("syscall") int irq_in_map(void *ctx)
{
	bpf_local_irq_save((unsigned long *)&sum);
	return 0;
}

SEC("syscall") int irq_rcu_preempt_mixed(void *ctx)
{
	unsigned long flags;

	bpf_rcu_read_lock();
	bpf_local_irq_save(&flags);
	bpf_preempt_disable();
	bpf_rcu_read_unlock();
	bpf_local_irq_restore(&flags);
	bpf_preempt_enable();
	return 0;
}

SEC("tc") int res_simple(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	beside_a++;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_unchecked(void *ctx)
{
	bpf_res_spin_lock(&lock_a);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_leak(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	return 1;
}

SEC("tc") int res_result_is_negative(void *ctx)
{
	int err = bpf_res_spin_lock(&lock_a);

	if (err < 0)
		return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_same_twice(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	if (bpf_res_spin_lock(&lock_a)) {
		bpf_res_spin_unlock(&lock_a);
		return 0;
	}
	bpf_res_spin_unlock(&lock_a);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_two(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	if (bpf_res_spin_lock(&lock_b)) {
		bpf_res_spin_unlock(&lock_a);
		return 0;
	}
	sum++;
	bpf_res_spin_unlock(&lock_b);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_two_out_of_order(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	if (bpf_res_spin_lock(&lock_b)) {
		bpf_res_spin_unlock(&lock_a);
		return 0;
	}
	bpf_res_spin_unlock(&lock_a);
	bpf_res_spin_unlock(&lock_b);
	return 0;
}

SEC("tc") int res_failure_path_leaks(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	if (bpf_res_spin_lock(&lock_b))
		return 0;
	bpf_res_spin_unlock(&lock_b);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_irqsave(void *ctx)
{
	unsigned long flags;

	if (bpf_res_spin_lock_irqsave(&lock_a, &flags))
		return 0;
	sum++;
	bpf_res_spin_unlock_irqrestore(&lock_a, &flags);
	return 0;
}

SEC("tc") int res_irqsave_nested(void *ctx)
{
	unsigned long one, two;

	if (bpf_res_spin_lock_irqsave(&lock_a, &one))
		return 0;
	if (bpf_res_spin_lock_irqsave(&lock_b, &two)) {
		bpf_res_spin_unlock_irqrestore(&lock_a, &one);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_b, &two);
	bpf_res_spin_unlock_irqrestore(&lock_a, &one);
	return 0;
}

SEC("tc") int res_irqsave_flags_swapped(void *ctx)
{
	unsigned long one, two;

	if (bpf_res_spin_lock_irqsave(&lock_a, &one))
		return 0;
	if (bpf_res_spin_lock_irqsave(&lock_b, &two)) {
		bpf_res_spin_unlock_irqrestore(&lock_a, &one);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_b, &one);
	bpf_res_spin_unlock_irqrestore(&lock_a, &two);
	return 0;
}

SEC("tc") int res_irqsave_then_plain_unlock(void *ctx)
{
	unsigned long flags;

	if (bpf_res_spin_lock_irqsave(&lock_a, &flags))
		return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_plain_then_irqrestore(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	if (bpf_res_spin_lock(&lock_a)) {
		bpf_local_irq_restore(&flags);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_a, &flags);
	return 0;
}

SEC("tc") int res_irqsave_restored_natively(void *ctx)
{
	unsigned long flags;

	if (bpf_res_spin_lock_irqsave(&lock_a, &flags))
		return 0;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc") int res_native_restored_by_lock(void *ctx)
{
	unsigned long one, two;

	bpf_local_irq_save(&one);
	if (bpf_res_spin_lock_irqsave(&lock_a, &two)) {
		bpf_local_irq_restore(&one);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_a, &one);
	return 0;
}

SEC("tc") int res_unlock_alone(void *ctx)
{
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_unlock_other(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	bpf_res_spin_unlock(&lock_b);
	return 0;
}

SEC("tc") int res_helper_inside(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	sum = bpf_ktime_get_ns();
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_loop_inside(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	if (bpf_res_spin_lock(&lock_a))
		return 0;
	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it)))
		beside_a += *v;
	bpf_iter_num_destroy(&it);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_in_map_value(void *ctx)
{
	u32 key = 1;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	if (bpf_res_spin_lock(&g->lock))
		return 0;
	g->n++;
	bpf_res_spin_unlock(&g->lock);
	return 0;
}

SEC("tc") int res_two_elements(void *ctx)
{
	u32 k1 = 1, k2 = 2;
	struct guarded *a = bpf_map_lookup_elem(&guards, &k1);
	struct guarded *b = bpf_map_lookup_elem(&guards, &k2);

	if (!a || !b)
		return 0;
	if (bpf_res_spin_lock(&a->lock))
		return 0;
	if (!bpf_res_spin_lock(&b->lock))
		bpf_res_spin_unlock(&b->lock);
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc") int res_wrong_element(void *ctx)
{
	u32 k1 = 1, k2 = 2;
	struct guarded *a = bpf_map_lookup_elem(&guards, &k1);
	struct guarded *b = bpf_map_lookup_elem(&guards, &k2);

	if (!a || !b)
		return 0;
	if (bpf_res_spin_lock(&a->lock))
		return 0;
	bpf_res_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int res_field_read(void *ctx)
{
	u32 key = 1;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	return *(volatile u32 *)&g->lock;
}

SEC("tc") int res_wrong_field(void *ctx)
{
	u32 key = 1;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);

	if (!g)
		return 0;
	if (bpf_res_spin_lock((void *)&g->n))
		return 0;
	return 0;
}

SEC("tc") int res_on_stack(void *ctx)
{
	struct bpf_res_spin_lock lock = {};

	if (bpf_res_spin_lock(&lock))
		return 0;
	return 0;
}

static __noinline int res_try(void)
{
	return bpf_res_spin_lock(&lock_a);
}

SEC("tc") int res_taken_in_subprog(void *ctx)
{
	if (res_try())
		return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int res_around_global(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	rcu_global_balanced(1);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int plain_around_res(void *ctx)
{
	bpf_spin_lock(&plain);
	if (!bpf_res_spin_lock(&lock_a))
		bpf_res_spin_unlock(&lock_a);
	bpf_spin_unlock(&plain);
	return 0;
}

SEC("tc") int res_around_plain(void *ctx)
{
	if (bpf_res_spin_lock(&lock_a))
		return 0;
	bpf_spin_lock(&plain);
	bpf_spin_unlock(&plain);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int plain_then_throw_away(void *ctx)
{
	bpf_spin_lock(&plain);
	beside_plain++;
	bpf_rcu_read_lock();
	bpf_spin_unlock(&plain);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int plain_around_rcu_pointer(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *parent;

	bpf_spin_lock(&plain);
	parent = current->real_parent;
	beside_plain = parent->pid;
	bpf_spin_unlock(&plain);
	return 0;
}

SEC("syscall") int plain_rcu_pointer_after(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_struct *parent, *p;

	bpf_spin_lock(&plain);
	parent = current->real_parent;
	bpf_spin_unlock(&plain);
	p = bpf_task_acquire(parent);
	if (p)
		bpf_task_release(p);
	return 0;
}

char _license[] SEC("license") = "GPL";
