// SPDX-License-Identifier: MIT
//
// Programs that throw, and functions that handle that.
#include "kfuncs.h"

struct plain { u64 a; };

u64 sum;
private(A) struct bpf_spin_lock lock;
private(A) u64 beside;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

SEC("tc") int throws(void *ctx)
{
	bpf_throw(0);
	return 1;
}

SEC("tc") int throws_on_a_path(void *ctx)
{
	if (bpf_get_prandom_u32() & 1)
		bpf_throw(7);
	return 1;
}

SEC("tc") int throws_unknown_cookie(void *ctx)
{
	bpf_throw(sum);
	return 1;
}

SEC("xdp") int throws_in_xdp(void *ctx)
{
	bpf_throw(3);
	return 1;
}

SEC("cgroup_skb/egress") int throws_cookie_in_range(void *ctx)
{
	bpf_throw(3);
	return 1;
}

SEC("cgroup_skb/egress") int throws_cookie_out_of_range(void *ctx)
{
	bpf_throw(300);
	return 1;
}

SEC("tc") int throws_with_lock(void *ctx)
{
	bpf_spin_lock(&lock);
	bpf_throw(0);
	bpf_spin_unlock(&lock);
	return 0;
}

SEC("tc") int throws_in_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_throw(0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int throws_in_preempt(void *ctx)
{
	bpf_preempt_disable();
	bpf_throw(0);
	bpf_preempt_enable();
	return 0;
}

SEC("tc") int throws_with_irq_saved(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_throw(0);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc") int throws_with_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_throw(0);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int throws_with_iterator(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_throw(0);
	bpf_iter_num_destroy(&it);
	return 0;
}

static __noinline int subprog_throws(u64 n)
{
	if (n > 3)
		bpf_throw(n);
	return n;
}

SEC("tc") int throws_in_subprog(void *ctx)
{
	return subprog_throws(sum);
}

SEC("tc") int throws_in_subprog_with_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	subprog_throws(sum);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int throws_in_subprog_with_lock(void *ctx)
{
	bpf_spin_lock(&lock);
	subprog_throws(beside);
	bpf_spin_unlock(&lock);
	return 0;
}

__noinline int global_throws(u64 n)
{
	bpf_throw(n);
	return 0;
}

SEC("tc") int throws_in_global(void *ctx)
{
	return global_throws(4);
}

SEC("tc") int throws_in_global_with_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	global_throws(4);
	bpf_obj_drop(p);
	return 0;
}

SEC("tc") int throws_in_global_in_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	global_throws(4);
	bpf_rcu_read_unlock();
	return 0;
}

static int each_throws(u32 i, void *ctx)
{
	bpf_throw(i);
	return 0;
}

SEC("tc") int throws_in_callback(void *ctx)
{
	bpf_loop(10, each_throws, NULL, 0);
	return 0;
}

static u64 each_element_throws(void *map, u32 *key, u64 *value, void *ctx)
{
	if (*value == 7)
		bpf_throw(*key);
	return 0;
}

SEC("tc") int throws_in_map_callback(void *ctx)
{
	bpf_for_each_map_elem(&numbers, each_element_throws, NULL, 0);
	return 0;
}

SEC("tc") int throws_in_map_callback_with_object(void *ctx)
{
	struct plain *p = bpf_obj_new(struct plain);

	if (!p)
		return 0;
	bpf_for_each_map_elem(&numbers, each_element_throws, NULL, 0);
	bpf_obj_drop(p);
	return 0;
}

__noinline int on_throw(u64 cookie)
{
	return cookie & 7;
}

SEC("tc") __exception_cb(on_throw) int handled(void *ctx)
{
	bpf_throw(3);
	return 0;
}

SEC("tc") __exception_cb(on_throw) int handled_never_thrown(void *ctx)
{
	return 0;
}

SEC("cgroup_skb/egress") __exception_cb(on_throw) int handled_out_of_range(void *ctx)
{
	bpf_throw(300);
	return 1;
}

__noinline int on_throw_to_one(u64 cookie)
{
	return cookie & 1;
}

SEC("cgroup_skb/egress") __exception_cb(on_throw_to_one) int handled_in_range(void *ctx)
{
	bpf_throw(300);
	return 1;
}

static __noinline int helps(u64 n)
{
	return n * 3;
}

__noinline int on_throw_calls(u64 cookie)
{
	return helps(cookie);
}

SEC("tc") __exception_cb(on_throw_calls) int handled_by_caller(void *ctx)
{
	if (sum)
		bpf_throw(sum);
	return helps(4);
}

__noinline int on_throw_throws(u64 cookie)
{
	bpf_throw(cookie);
	return 0;
}

SEC("tc") __exception_cb(on_throw_throws) int handled_by_thrower(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline int on_throw_two(u64 cookie, u64 other)
{
	return cookie + other;
}

SEC("tc") __exception_cb(on_throw_two) int handled_by_two_arguments(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline int on_throw_pointer(u64 *cookie)
{
	return cookie ? *cookie : 0;
}

SEC("tc") __exception_cb(on_throw_pointer) int handled_by_pointer(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline u64 on_throw_wide(u64 cookie)
{
	return cookie;
}

SEC("tc") __exception_cb(on_throw_wide) int handled_by_wide(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline int on_throw_void(void)
{
	return 2;
}

SEC("tc") __exception_cb(on_throw_void) int handled_by_no_argument(void *ctx)
{
	bpf_throw(1);
	return 0;
}

SEC("tc") __exception_cb(on_throw) int handled_by_function_also_called(void *ctx)
{
	if (sum)
		bpf_throw(1);
	return on_throw(3);
}

__noinline int on_throw_reads_stack(u64 cookie)
{
	u64 room[8];

	for (int i = 0; i < 8; i++)
		((volatile u64 *)room)[i] = cookie;
	return room[3];
}

SEC("tc") __exception_cb(on_throw_reads_stack) int handled_with_stack(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline int on_throw_leaks(u64 cookie)
{
	return bpf_obj_new(struct plain) != NULL;
}

SEC("tc") __exception_cb(on_throw_leaks) int handled_by_leaker(void *ctx)
{
	bpf_throw(1);
	return 0;
}

SEC("tc") __exception_cb(on_throw) int handled_throws_in_subprog(void *ctx)
{
	return subprog_throws(sum);
}

SEC("tc") __exception_cb(on_throw) int handled_throws_in_callback(void *ctx)
{
	bpf_loop(10, each_throws, NULL, 0);
	return 0;
}

__noinline int on_throw_in_loop(u64 cookie)
{
	struct bpf_iter_num it;
	int *v, n = 0;

	bpf_iter_num_new(&it, 0, cookie);
	while ((v = bpf_iter_num_next(&it)))
		n += *v;
	bpf_iter_num_destroy(&it);
	return n;
}

SEC("tc") __exception_cb(on_throw_in_loop) int handled_by_looper(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	bpf_throw(sum);
	return 0;
}

__noinline int on_throw_out_of_bounds(u64 cookie)
{
	u8 room[8] = {};

	return room[cookie];
}

SEC("tc") __exception_cb(on_throw_out_of_bounds) int handled_out_of_bounds(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__noinline int on_throw_reads_uninitialised(u64 cookie)
{
	register u64 other asm("r2");

	asm volatile("" : "=r"(other));
	return other;
}

SEC("tc") __exception_cb(on_throw_reads_uninitialised) int handled_by_uninitialised(void *ctx)
{
	bpf_throw(1);
	return 0;
}

static __noinline int two_deep(u64 n)
{
	return subprog_throws(n) + 1;
}

static int each_calls_thrower(u32 i, void *ctx)
{
	return two_deep(i) & 0;
}

SEC("tc") int throws_deep_in_callback(void *ctx)
{
	bpf_loop(10, each_calls_thrower, NULL, 0);
	return 0;
}

__noinline int global_calls_thrower(u64 n)
{
	return two_deep(n);
}

SEC("tc") int throws_deep_in_global(void *ctx)
{
	return global_calls_thrower(sum);
}

char _license[] SEC("license") = "GPL";
