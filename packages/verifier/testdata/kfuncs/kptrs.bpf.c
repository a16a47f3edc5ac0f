// SPDX-License-Identifier: MIT
//
// Pointers that lie in map values: to objects of the kernel and of the program.
#include "kfuncs.h"

struct plain { u64 a; u64 b; };
struct counted { u64 a; struct bpf_list_node node; struct bpf_refcount refs; };
struct unrelated { u64 z; };

struct value {
	struct task_struct __kptr *task;
	struct cgroup __kptr *cgrp;
	struct bpf_cpumask __kptr *mask;
	struct plain __kptr *mine;
	struct plain __percpu_kptr *percpu;
	struct task_struct __kptr_untrusted *loose;
	struct counted __kptr *counted;
	u64 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct value);
} values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct value);
} hashed SEC(".maps");

struct percpu_value { struct bpf_cpumask __kptr *mask; };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct percpu_value);
} per_cpu SEC(".maps");

private(MASK) static struct bpf_cpumask __kptr *global_mask;
private(LIST_LOCK) struct bpf_spin_lock list_lock;
private(LIST_LOCK) struct bpf_list_head list __contains(counted, node);

u64 sum;

static __always_inline struct value *first(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&values, &key);
}

SEC("tp_btf/sched_switch") int task_exchange(void *ctx)
{
	struct value *v = first();
	struct task_struct *p, *old;

	if (!v)
		return 0;
	p = bpf_task_acquire(bpf_get_current_task_btf());
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->task, p);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_old_leaks(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = bpf_task_acquire(bpf_get_current_task_btf());
	if (!p)
		return 0;
	bpf_kptr_xchg(&v->task, p);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_unreferenced(void *ctx)
{
	struct value *v = first();
	struct task_struct *old;

	if (!v)
		return 0;
	old = bpf_kptr_xchg(&v->task, bpf_get_current_task_btf());
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_wrong_field(void *ctx)
{
	struct value *v = first();
	struct task_struct *p, *old;

	if (!v)
		return 0;
	p = bpf_task_acquire(bpf_get_current_task_btf());
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->cgrp, p);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_no_field(void *ctx)
{
	struct value *v = first();
	struct task_struct *p, *old;

	if (!v)
		return 0;
	p = bpf_task_acquire(bpf_get_current_task_btf());
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->n, p);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_maybe_null(void *ctx)
{
	struct value *v = first();
	struct task_struct *old;

	if (!v)
		return 0;
	old = bpf_kptr_xchg(&v->task, bpf_task_from_pid(1));
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_null(void *ctx)
{
	struct value *v = first();
	struct task_struct *old;

	if (!v)
		return 0;
	old = bpf_kptr_xchg(&v->task, NULL);
	if (!old)
		return 0;
	sum += old->pid;
	bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int task_exchange_variable_offset(void *ctx)
{
	struct value *v = first();
	u32 at = bpf_get_prandom_u32() & 8;
	void *old;

	if (!v)
		return 0;
	old = bpf_kptr_xchg((char *)v + at, NULL);
	if (old)
		bpf_task_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int loose_exchange(void *ctx)
{
	struct value *v = first();
	struct task_struct *old;

	if (!v)
		return 0;
	old = bpf_kptr_xchg(&v->loose, NULL);
	return old != NULL;
}

SEC("tp_btf/sched_switch") int loose_stored(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	v->loose = bpf_get_current_task_btf();
	return 0;
}

SEC("tp_btf/sched_switch") int loose_stored_number(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	*(volatile u64 *)&v->loose = 17;
	return 0;
}

SEC("tp_btf/sched_switch") int loose_stored_zero(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	*(volatile u64 *)&v->loose = 0;
	return 0;
}

SEC("tp_btf/sched_switch") int loose_loaded(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = v->loose;
	if (!p)
		return 0;
	sum += p->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int loose_loaded_and_acquired(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = v->loose;
	if (!p)
		return 0;
	p = bpf_task_acquire(p);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("tp_btf/sched_switch") int task_stored(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	*(void *volatile *)&v->task = bpf_get_current_task_btf();
	return 0;
}

SEC("tp_btf/sched_switch") int task_stored_zero(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	*(volatile u64 *)&v->task = 0;
	return 0;
}

SEC("tp_btf/sched_switch") int task_loaded_narrow(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	return *(volatile u32 *)&v->task;
}

SEC("tp_btf/sched_switch") int task_loaded_straddling(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	return *(volatile u64 *)((char *)&v->task + 4);
}

SEC("tp_btf/sched_switch") int task_added_atomically(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	__sync_fetch_and_add((u64 *)&v->task, 1);
	return 0;
}

SEC("tp_btf/sched_switch") int task_loaded(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = v->task;
	if (!p)
		return 0;
	sum += p->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int task_loaded_acquired(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->task;
	if (!p) {
		bpf_rcu_read_unlock();
		return 0;
	}
	p = bpf_task_acquire(p);
	if (p)
		bpf_task_release(p);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int task_loaded_sleepable(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = v->task;
	if (!p)
		return 0;
	p = bpf_task_acquire(p);
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("syscall") int task_loaded_sleepable_in_section(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->task;
	if (p)
		sum += p->pid + p->real_parent->pid;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int task_loaded_used_after_section(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->task;
	bpf_rcu_read_unlock();
	if (p)
		sum += p->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int task_loaded_released(void *ctx)
{
	struct value *v = first();
	struct task_struct *p;

	if (!v)
		return 0;
	p = v->task;
	if (p)
		bpf_task_release(p);
	return 0;
}

SEC("tp_btf/sched_switch") int task_loaded_unchecked(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	sum += v->task->pid;
	return 0;
}

SEC("tp_btf/sched_switch") int cgroup_loaded_ancestor(void *ctx)
{
	struct value *v = first();
	struct cgroup *c;

	if (!v)
		return 0;
	c = v->cgrp;
	if (!c)
		return 0;
	c = bpf_cgroup_ancestor(c, 1);
	if (c)
		bpf_cgroup_release(c);
	return 0;
}

SEC("tp_btf/sched_switch") int cgroup_exchange(void *ctx)
{
	struct value *v = first();
	struct cgroup *c, *old;

	if (!v)
		return 0;
	c = bpf_cgroup_from_id(1);
	if (!c)
		return 0;
	old = bpf_kptr_xchg(&v->cgrp, c);
	if (old)
		bpf_cgroup_release(old);
	return 0;
}

SEC("tp_btf/sched_switch") int cgroup_exchange_used_after(void *ctx)
{
	struct value *v = first();
	struct cgroup *c, *old;

	if (!v)
		return 0;
	c = bpf_cgroup_from_id(1);
	if (!c)
		return 0;
	old = bpf_kptr_xchg(&v->cgrp, c);
	if (old)
		bpf_cgroup_release(old);
	sum += c->level;
	return 0;
}

SEC("tp_btf/sched_switch") int mask_created(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return 0;
	bpf_cpumask_set_cpu(0, mask);
	sum += bpf_cpumask_weight((struct cpumask *)mask);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_leaks(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	return mask != NULL;
}

SEC("tp_btf/sched_switch") int mask_unchecked(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_of_task(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();

	sum += bpf_cpumask_first(current->cpus_ptr);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_of_task_written(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();

	bpf_cpumask_set_cpu(0, (struct bpf_cpumask *)current->cpus_ptr);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_global(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create(), *old;

	if (!mask)
		return 0;
	old = bpf_kptr_xchg(&global_mask, mask);
	if (old)
		bpf_cpumask_release(old);
	bpf_rcu_read_lock();
	mask = global_mask;
	if (mask)
		sum += bpf_cpumask_test_cpu(0, (struct cpumask *)mask);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tp_btf/sched_switch") int mask_global_unchecked(void *ctx)
{
	struct bpf_cpumask *mask;

	bpf_rcu_read_lock();
	mask = global_mask;
	sum += bpf_cpumask_test_cpu(0, (struct cpumask *)mask);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tp_btf/sched_switch") int mask_acquired(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create(), *again;

	if (!mask)
		return 0;
	again = bpf_cpumask_acquire(mask);
	bpf_cpumask_release(mask);
	bpf_cpumask_set_cpu(1, again);
	bpf_cpumask_release(again);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_and(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return 0;
	bpf_cpumask_and(mask, (struct cpumask *)mask, current->cpus_ptr);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/sched_switch") int mask_per_cpu(void *ctx)
{
	u32 key = 0;
	struct percpu_value *v = bpf_map_lookup_elem(&per_cpu, &key);
	struct bpf_cpumask *mask, *old;

	if (!v)
		return 0;
	mask = bpf_cpumask_create();
	if (!mask)
		return 0;
	old = bpf_kptr_xchg(&v->mask, mask);
	if (old)
		bpf_cpumask_release(old);
	return 0;
}

SEC("tc") int mine_exchange(void *ctx)
{
	struct value *v = first();
	struct plain *p, *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct plain);
	if (!p)
		return 0;
	p->a = 5;
	old = bpf_kptr_xchg(&v->mine, p);
	if (old) {
		sum += old->a;
		bpf_obj_drop(old);
	}
	return 0;
}

SEC("tc") int mine_exchange_hashed(void *ctx)
{
	u32 key = 0;
	struct value *v = bpf_map_lookup_elem(&hashed, &key);
	struct plain *p, *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->mine, p);
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int mine_exchange_wrong_type(void *ctx)
{
	struct value *v = first();
	struct unrelated *p;
	void *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct unrelated);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->mine, p);
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int mine_exchange_offset(void *ctx)
{
	struct value *v = first();
	struct plain *p;
	void *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->mine, &p->b);
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int mine_loaded(void *ctx)
{
	struct value *v = first();
	struct plain *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->mine;
	if (p)
		sum += p->a;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int mine_loaded_written(void *ctx)
{
	struct value *v = first();
	struct plain *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->mine;
	if (p)
		p->a = 1;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int mine_loaded_after_section(void *ctx)
{
	struct value *v = first();
	struct plain *p;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->mine;
	if (!p) {
		bpf_rcu_read_unlock();
		return 0;
	}
	bpf_rcu_read_unlock();
	sum += p->a;
	return 0;
}

SEC("tc") int mine_loaded_dropped(void *ctx)
{
	struct value *v = first();
	struct plain *p;

	if (!v)
		return 0;
	p = v->mine;
	if (p)
		bpf_obj_drop(p);
	return 0;
}

SEC("syscall") int mine_loaded_sleepable(void *ctx)
{
	struct value *v = first();
	struct plain *p;

	if (!v)
		return 0;
	p = v->mine;
	if (p)
		p->a = 1;
	return 0;
}

SEC("tc") int counted_exchange(void *ctx)
{
	struct value *v = first();
	struct counted *p, *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct counted);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->counted, p);
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int counted_loaded_acquired(void *ctx)
{
	struct value *v = first();
	struct counted *p, *q;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->counted;
	if (p) {
		q = bpf_refcount_acquire(p);
		if (q)
			bpf_obj_drop(q);
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int counted_loaded_pushed(void *ctx)
{
	struct value *v = first();
	struct counted *p, *q;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->counted;
	if (!p) {
		bpf_rcu_read_unlock();
		return 0;
	}
	q = bpf_refcount_acquire(p);
	bpf_rcu_read_unlock();
	if (!q)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &q->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int counted_loaded_pushed_directly(void *ctx)
{
	struct value *v = first();
	struct counted *p;

	if (!v)
		return 0;
	p = v->counted;
	if (!p)
		return 0;
	bpf_spin_lock(&list_lock);
	bpf_list_push_front(&list, &p->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int counted_under_lock(void *ctx)
{
	struct value *v = first();
	struct counted *p;

	if (!v)
		return 0;
	bpf_spin_lock(&list_lock);
	p = v->counted;
	if (p)
		sum += p->a;
	bpf_spin_unlock(&list_lock);
	return 0;
}

SEC("tc") int counted_after_lock(void *ctx)
{
	struct value *v = first();
	struct counted *p;

	if (!v)
		return 0;
	bpf_spin_lock(&list_lock);
	p = v->counted;
	bpf_spin_unlock(&list_lock);
	if (p)
		sum += p->a;
	return 0;
}

SEC("tc") int percpu_exchange(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p, *old;

	if (!v)
		return 0;
	p = bpf_percpu_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->percpu, (void *)p);
	if (old)
		bpf_percpu_obj_drop(old);
	return 0;
}

SEC("tc") int percpu_exchange_plain(void *ctx)
{
	struct value *v = first();
	struct plain *p;
	void *old;

	if (!v)
		return 0;
	p = bpf_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->percpu, p);
	if (old)
		bpf_percpu_obj_drop(old);
	return 0;
}

SEC("tc") int plain_exchange_percpu(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;
	void *old;

	if (!v)
		return 0;
	p = bpf_percpu_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->mine, (void *)p);
	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int percpu_loaded(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;
	struct plain *mine;

	if (!v)
		return 0;
	p = v->percpu;
	if (!p)
		return 0;
	mine = bpf_this_cpu_ptr((void *)p);
	sum += mine->a;
	mine = bpf_per_cpu_ptr((void *)p, 3);
	if (mine)
		mine->b = 4;
	return 0;
}

SEC("tc") int percpu_loaded_direct(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;

	if (!v)
		return 0;
	p = v->percpu;
	if (!p)
		return 0;
	sum += ((struct plain *)p)->a;
	return 0;
}

SEC("tc") int percpu_other_unchecked(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;
	struct plain *other;

	if (!v)
		return 0;
	p = v->percpu;
	if (!p)
		return 0;
	other = bpf_per_cpu_ptr((void *)p, 3);
	sum += other->a;
	return 0;
}

SEC("tc") int percpu_unchecked(void *ctx)
{
	struct value *v = first();
	struct plain *mine;

	if (!v)
		return 0;
	mine = bpf_this_cpu_ptr((void *)v->percpu);
	sum += mine->a;
	return 0;
}

SEC("syscall") int percpu_loaded_sleepable(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;
	struct plain *mine;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->percpu;
	if (p) {
		mine = bpf_this_cpu_ptr((void *)p);
		sum += mine->a;
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int percpu_loaded_after_section(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p;
	struct plain *mine;

	if (!v)
		return 0;
	bpf_rcu_read_lock();
	p = v->percpu;
	bpf_rcu_read_unlock();
	if (p) {
		mine = bpf_this_cpu_ptr((void *)p);
		sum += mine->a;
	}
	return 0;
}

SEC("tc") int percpu_exchange_then_used(void *ctx)
{
	struct value *v = first();
	struct plain __percpu_kptr *p, *old;
	struct plain *mine;

	if (!v)
		return 0;
	p = bpf_percpu_obj_new(struct plain);
	if (!p)
		return 0;
	old = bpf_kptr_xchg(&v->percpu, (void *)p);
	if (old)
		bpf_percpu_obj_drop(old);
	mine = bpf_this_cpu_ptr((void *)p);
	sum += mine->a;
	return 0;
}

SEC("tc") int map_passed_to_helper(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	bpf_probe_read_kernel(v, sizeof(*v), NULL);
	return 0;
}

SEC("tc") int map_number_passed_to_helper(void *ctx)
{
	struct value *v = first();

	if (!v)
		return 0;
	bpf_probe_read_kernel(&v->n, sizeof(v->n), NULL);
	return 0;
}

SEC("tc") int exchange_on_stack(void *ctx)
{
	struct plain *p = NULL;
	void *old = bpf_kptr_xchg(&p, NULL);

	return old != NULL;
}

static u64 each(void *map, u32 *key, struct value *v, void *ctx)
{
	struct plain *old = bpf_kptr_xchg(&v->mine, NULL);

	if (old)
		bpf_obj_drop(old);
	return 0;
}

SEC("tc") int exchange_in_callback(void *ctx)
{
	bpf_for_each_map_elem(&values, each, NULL, 0);
	return 0;
}

static u64 each_leaks(void *map, u32 *key, struct value *v, void *ctx)
{
	return bpf_kptr_xchg(&v->mine, NULL) != NULL;
}

SEC("tc") int exchange_in_callback_leaks(void *ctx)
{
	bpf_for_each_map_elem(&values, each_leaks, NULL, 0);
	return 0;
}

SEC("tp_btf/sched_switch") int sum_of_elements(void *ctx)
{
	return bpf_map_sum_elem_count((struct bpf_map *)&hashed) == 3;
}

SEC("tp_btf/sched_switch") int sum_of_null(void *ctx)
{
	return bpf_map_sum_elem_count(NULL) == 3;
}

char _license[] SEC("license") = "GPL";
