// SPDX-License-Identifier: MIT
//
// Open-coded iterators: loops, and ways to get them wrong.
#include "kfuncs.h"

u64 sum;
u32 limit = 10;
const volatile u32 rounds;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

SEC("tc") int num_simple(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_unknown_bounds(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, limit, rounds);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_counts_outside(void *ctx)
{
	struct bpf_iter_num it;
	u64 n = 0;

	bpf_iter_num_new(&it, 0, limit);
	while (bpf_iter_num_next(&it))
		n++;
	bpf_iter_num_destroy(&it);
	return n & 1;
}

SEC("tc") int num_index_checked(void *ctx)
{
	struct bpf_iter_num it;
	u32 table[8] = {};
	int *v;

	bpf_iter_num_new(&it, 0, 8);
	while ((v = bpf_iter_num_next(&it))) {
		u32 i = *v;

		barrier_var(i);
		if (i < 8)
			table[i] = i * 2;
	}
	bpf_iter_num_destroy(&it);
	return table[3];
}

SEC("tc") int num_index_unchecked(void *ctx)
{
	struct bpf_iter_num it;
	u32 table[8] = {};
	int *v;

	bpf_iter_num_new(&it, 0, 8);
	while ((v = bpf_iter_num_next(&it)))
		table[*v] = 1;
	bpf_iter_num_destroy(&it);
	return table[3];
}

SEC("tc") int num_counter_grows(void *ctx)
{
	struct bpf_iter_num it;
	u8 table[16] = {};
	u64 n = 0;

	bpf_iter_num_new(&it, 0, 16);
	while (bpf_iter_num_next(&it)) {
		barrier_var(n);
		table[n] = n;
		n++;
	}
	bpf_iter_num_destroy(&it);
	return table[1];
}

SEC("tc") int num_nested(void *ctx)
{
	struct bpf_iter_num outer, inner;
	int *a, *b;

	bpf_iter_num_new(&outer, 0, 10);
	while ((a = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, *a);
		while ((b = bpf_iter_num_next(&inner)))
			sum += *a * *b;
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return 0;
}

SEC("tc") int num_nested_three(void *ctx)
{
	struct bpf_iter_num x, y, z;
	int *a, *b, *c;
	u64 total = 0;

	bpf_iter_num_new(&x, 0, 4);
	while ((a = bpf_iter_num_next(&x))) {
		bpf_iter_num_new(&y, 0, 5);
		while ((b = bpf_iter_num_next(&y))) {
			bpf_iter_num_new(&z, 0, 6);
			while ((c = bpf_iter_num_next(&z)))
				total += *a + *b + *c;
			bpf_iter_num_destroy(&z);
		}
		bpf_iter_num_destroy(&y);
	}
	bpf_iter_num_destroy(&x);
	sum = total;
	return 0;
}

SEC("tc") int num_nested_inner_leaks(void *ctx)
{
	struct bpf_iter_num outer, inner;
	int *a, *b;

	bpf_iter_num_new(&outer, 0, 10);
	while ((a = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, *a);
		while ((b = bpf_iter_num_next(&inner)))
			sum += *a * *b;
	}
	bpf_iter_num_destroy(&outer);
	return 0;
}

SEC("tc") int num_break(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 100);
	while ((v = bpf_iter_num_next(&it))) {
		if (bpf_get_prandom_u32() == *v)
			break;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_early_return(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 100);
	while ((v = bpf_iter_num_next(&it))) {
		if (bpf_get_prandom_u32() == *v)
			return 1;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_without_new(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_next(&it);
	return 0;
}

SEC("tc") int num_without_new_zeroed(void *ctx)
{
	struct bpf_iter_num it = {};

	bpf_iter_num_next(&it);
	return 0;
}

SEC("tc") int num_destroy_without_new(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_destroy_twice(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_new_twice(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_new_again(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	bpf_iter_num_new(&it, 5, 9);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_next_after_destroy(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	bpf_iter_num_next(&it);
	return 0;
}

SEC("tc") int num_leak(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	return 0;
}

SEC("tc") int num_leak_on_a_path(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	if (bpf_get_prandom_u32() & 1)
		bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_overwritten(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	*(volatile u64 *)&it = 1;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_overwritten_byte(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	((volatile u8 *)&it)[3] = 1;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_overwritten_variable(void *ctx)
{
	struct { struct bpf_iter_num it; u8 after[8]; } all;
	u32 at = bpf_get_prandom_u32() & 15;

	bpf_iter_num_new(&all.it, 0, 3);
	((volatile u8 *)&all)[at] = 1;
	bpf_iter_num_destroy(&all.it);
	return 0;
}

SEC("tc") int num_overwritten_by_helper(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_probe_read_kernel(&it, 8, NULL);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_read_through(void *ctx)
{
	struct bpf_iter_num it;
	u64 v;

	bpf_iter_num_new(&it, 0, 3);
	v = *(volatile u64 *)&it;
	bpf_iter_num_destroy(&it);
	return v;
}

SEC("tc") int num_wrong_iterator(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_bits_next((void *)&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_misaligned(void *ctx)
{
	u64 room[3];

	bpf_iter_num_new((void *)((char *)room + 4), 0, 3);
	bpf_iter_num_destroy((void *)((char *)room + 4));
	return 0;
}

SEC("tc") int num_variable_offset(void *ctx)
{
	u64 room[4];
	u32 at = bpf_get_prandom_u32() & 8;

	bpf_iter_num_new((void *)((char *)room + at), 0, 3);
	return 0;
}

SEC("tc") int num_in_map_value(void *ctx)
{
	bpf_iter_num_new((void *)&sum, 0, 3);
	return 0;
}

SEC("tc") int num_null_unchecked(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	sum += *bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_element_after_destroy(void *ctx)
{
	struct bpf_iter_num it;
	int *v, n = 0;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	if (v)
		n = *v;
	return n;
}

SEC("tc") int num_element_written(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	if (v)
		*v = 1;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_element_beyond(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	v = bpf_iter_num_next(&it);
	if (v)
		sum = v[1];
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_element_of_last_round(void *ctx)
{
	struct bpf_iter_num it;
	int *v, *last = NULL;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		last = v;
	if (last)
		sum += *last;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_map_lookups(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 16);
	while ((v = bpf_iter_num_next(&it))) {
		u32 key = *v;
		u64 *value = bpf_map_lookup_elem(&numbers, &key);

		if (!value)
			continue;
		*value += key;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_no_progress(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	for (;;) {
		if (bpf_get_prandom_u32() == 77)
			break;
		sum++;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

static __noinline int advance(struct bpf_iter_num *it)
{
	int *v = bpf_iter_num_next(it);

	return v ? *v : -1;
}

SEC("tc") int num_next_in_subprog(void *ctx)
{
	struct bpf_iter_num it;
	int n = 0, rounds_left = 5;

	bpf_iter_num_new(&it, 0, 10);
	while (rounds_left--)
		n += advance(&it);
	bpf_iter_num_destroy(&it);
	return n;
}

SEC("tc") int num_next_in_subprog_unbounded(void *ctx)
{
	struct bpf_iter_num it;
	int n = 0, v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = advance(&it)) >= 0)
		n += v;
	bpf_iter_num_destroy(&it);
	return n;
}

static __noinline void begin(struct bpf_iter_num *it, int end)
{
	bpf_iter_num_new(it, 0, end);
}

static __noinline void finish(struct bpf_iter_num *it)
{
	bpf_iter_num_destroy(it);
}

SEC("tc") int num_new_and_destroy_in_subprogs(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	begin(&it, 12);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	finish(&it);
	return 0;
}

static __noinline int inner_loop(int end)
{
	struct bpf_iter_num it;
	int *v, n = 0;

	bpf_iter_num_new(&it, 0, end);
	while ((v = bpf_iter_num_next(&it)))
		n += *v;
	bpf_iter_num_destroy(&it);
	return n;
}

SEC("tc") int num_loop_in_subprog_in_loop(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it)))
		sum += inner_loop(*v);
	bpf_iter_num_destroy(&it);
	return 0;
}

static __noinline int leaking(int end)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, end);
	return end;
}

SEC("tc") int num_leak_in_subprog(void *ctx)
{
	return leaking(limit);
}

__noinline int global_loop(u32 end)
{
	struct bpf_iter_num it;
	int *v, n = 0;

	bpf_iter_num_new(&it, 0, end);
	while ((v = bpf_iter_num_next(&it)))
		n += *v;
	bpf_iter_num_destroy(&it);
	return n;
}

SEC("tc") int num_in_global(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		sum += global_loop(*v);
	bpf_iter_num_destroy(&it);
	return 0;
}

struct both { struct bpf_iter_num *it; u64 n; };

static int callback_next(u32 i, struct both *both)
{
	int *v = bpf_iter_num_next(both->it);

	if (!v)
		return 1;
	both->n += *v;
	return 0;
}

SEC("tc") int num_next_in_callback(void *ctx)
{
	struct bpf_iter_num it;
	struct both both = { &it, 0 };

	bpf_iter_num_new(&it, 0, 10);
	bpf_loop(20, callback_next, &both, 0);
	bpf_iter_num_destroy(&it);
	return both.n;
}

static int callback_destroys(u32 i, struct both *both)
{
	bpf_iter_num_destroy(both->it);
	return 1;
}

SEC("tc") int num_destroy_in_callback(void *ctx)
{
	struct bpf_iter_num it;
	struct both both = { &it, 0 };

	bpf_iter_num_new(&it, 0, 10);
	bpf_loop(1, callback_destroys, &both, 0);
	return 0;
}

static int callback_whole(u32 i, u64 *n)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, i);
	while ((v = bpf_iter_num_next(&it)))
		*n += *v;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_in_callback(void *ctx)
{
	u64 n = 0;

	bpf_loop(20, callback_whole, &n, 0);
	return n;
}

SEC("tc") int num_around_callback(void *ctx)
{
	struct bpf_iter_num it;
	u64 n = 0;

	bpf_iter_num_new(&it, 0, 10);
	while (bpf_iter_num_next(&it))
		bpf_loop(20, callback_whole, &n, 0);
	bpf_iter_num_destroy(&it);
	return n;
}

static int callback_leaks(u32 i, u64 *n)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, i);
	return 0;
}

SEC("tc") int num_leak_in_callback(void *ctx)
{
	u64 n = 0;

	bpf_loop(20, callback_leaks, &n, 0);
	return n;
}

SEC("tc") int num_two_together(void *ctx)
{
	struct bpf_iter_num a, b;
	int *v, *w;

	bpf_iter_num_new(&a, 0, 10);
	bpf_iter_num_new(&b, 5, 25);
	while ((v = bpf_iter_num_next(&a)) && (w = bpf_iter_num_next(&b)))
		sum += *v * *w;
	bpf_iter_num_destroy(&a);
	bpf_iter_num_destroy(&b);
	return 0;
}

SEC("tc") int num_goes_on_after_end(void *ctx)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	v = bpf_iter_num_next(&it);
	if (v)
		sum += v[100];
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_state_spilled(void *ctx)
{
	struct bpf_iter_num it;
	u64 *where = NULL;
	u32 key = 3;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it))) {
		if (!where) {
			where = bpf_map_lookup_elem(&numbers, &key);
			if (!where)
				break;
		}
		*where += *v;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_uninit_in_first_round(void *ctx)
{
	struct bpf_iter_num it;
	u64 *where;
	bool first = true;
	u32 key = 3;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it))) {
		if (first)
			where = bpf_map_lookup_elem(&numbers, &key);
		first = false;
		if (where)
			*where += *v;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

// The error shows in the second round only.
SEC("tc") int num_bad_in_second_round(void *ctx)
{
	struct bpf_iter_num it;
	u64 at = 0;
	u8 table[8] = {};

	bpf_iter_num_new(&it, 0, 3);
	while (bpf_iter_num_next(&it)) {
		barrier_var(at);
		*(volatile u8 *)(table + at) = 1;
		at += 9;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_pointer_moves(void *ctx)
{
	struct bpf_iter_num it;
	u8 table[8] = {};
	volatile u8 *p = table;

	bpf_iter_num_new(&it, 0, 8);
	while (bpf_iter_num_next(&it))
		*p++ = 1;
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc") int num_conditional_swap(void *ctx)
{
	struct bpf_iter_num it;
	u64 a = 1, b = 2, c;
	int *v;

	bpf_iter_num_new(&it, 0, 100);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v & 1) {
			c = a;
			a = b;
			b = c + *v;
		} else {
			a += b;
		}
		barrier_var(a);
		barrier_var(b);
	}
	bpf_iter_num_destroy(&it);
	sum = a + b;
	return 0;
}

SEC("tc") int bits_simple(void *ctx)
{
	struct bpf_iter_bits it;
	u64 words[2] = { 5, 7 };
	int *v;

	bpf_iter_bits_new(&it, words, 2);
	while ((v = bpf_iter_bits_next(&it)))
		sum += *v;
	bpf_iter_bits_destroy(&it);
	return 0;
}

SEC("tc") int bits_leak(void *ctx)
{
	struct bpf_iter_bits it;
	u64 word = 5;

	bpf_iter_bits_new(&it, &word, 1);
	return 0;
}

SEC("tc") int bits_half_overwritten(void *ctx)
{
	struct bpf_iter_bits it;
	u64 word = 5;

	bpf_iter_bits_new(&it, &word, 1);
	((volatile u64 *)&it)[1] = 3;
	bpf_iter_bits_destroy(&it);
	return 0;
}

SEC("tc") int bits_overlapping(void *ctx)
{
	u64 room[3];
	u64 word = 5;

	bpf_iter_bits_new((void *)room, &word, 1);
	bpf_iter_bits_new((void *)(room + 1), &word, 1);
	bpf_iter_bits_destroy((void *)room);
	return 0;
}

SEC("tc") int bits_shifted_destroy(void *ctx)
{
	u64 room[3] = {};
	u64 word = 5;

	bpf_iter_bits_new((void *)room, &word, 1);
	bpf_iter_bits_destroy((void *)(room + 1));
	return 0;
}

SEC("tc") int bits_unreadable_words(void *ctx)
{
	struct bpf_iter_bits it;

	bpf_iter_bits_new(&it, (void *)8, 1);
	bpf_iter_bits_destroy(&it);
	return 0;
}

SEC("tc") int bits_words_null(void *ctx)
{
	struct bpf_iter_bits it;

	bpf_iter_bits_new(&it, NULL, 1);
	bpf_iter_bits_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int task_all(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it)))
		sum += p->pid;
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("syscall") int task_without_rcu(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it)))
		sum += p->pid;
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("syscall") int task_with_rcu(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it)))
		sum += p->pid + p->real_parent->pid;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int task_rcu_ends_in_loop(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it))) {
		sum += p->pid;
		bpf_rcu_read_unlock();
		bpf_rcu_read_lock();
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("syscall") int task_rcu_ends_before_destroy(void *ctx)
{
	struct bpf_iter_task it;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	bpf_rcu_read_unlock();
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("syscall") int task_rcu_anew_in_each_round(void *ctx)
{
	struct bpf_iter_num it;
	struct bpf_iter_task tasks;
	struct task_struct *p;

	bpf_iter_num_new(&it, 0, 4);
	while (bpf_iter_num_next(&it)) {
		bpf_rcu_read_lock();
		bpf_iter_task_new(&tasks, NULL, 0);
		while ((p = bpf_iter_task_next(&tasks)))
			sum += p->pid;
		bpf_iter_task_destroy(&tasks);
		bpf_rcu_read_unlock();
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("syscall") int task_rcu_lock_leaks_in_loop(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 4);
	while (bpf_iter_num_next(&it))
		bpf_rcu_read_lock();
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("syscall") int task_pointer_after_section(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p, *found = NULL;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it)))
		found = p;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	if (found) {
		struct task_struct *q = bpf_task_acquire(found);

		if (q)
			bpf_task_release(q);
	}
	return 0;
}

SEC("syscall") int task_acquired_in_loop(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p, *mine = NULL;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it))) {
		mine = bpf_task_acquire(p);
		if (mine)
			break;
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("syscall") int task_acquired_and_leaked_in_loop(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *p;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((p = bpf_iter_task_next(&it)))
		bpf_task_acquire(p);
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tp_btf/sched_switch") int task_threads_of_current(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf(), *p;
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, current, 1);
	while ((p = bpf_iter_task_next(&it)))
		sum += p->pid;
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int task_of_untrusted(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, current->last_wakee, 1);
	bpf_iter_task_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int vma_of_current(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct vm_area_struct *vma;
	struct bpf_iter_task_vma it;

	bpf_iter_task_vma_new(&it, current, 0);
	while ((vma = bpf_iter_task_vma_next(&it)))
		sum += vma->vm_end - vma->vm_start;
	bpf_iter_task_vma_destroy(&it);
	return 0;
}

SEC("tp_btf/sched_switch") int vma_pointer_after_destroy(void *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct vm_area_struct *vma;
	struct bpf_iter_task_vma it;

	bpf_iter_task_vma_new(&it, current, 0);
	vma = bpf_iter_task_vma_next(&it);
	bpf_iter_task_vma_destroy(&it);
	if (vma)
		sum += vma->vm_start;
	return 0;
}

SEC("tp_btf/sched_switch") int css_walk(void *ctx)
{
	struct cgroup_subsys_state *css;
	struct bpf_iter_css it;
	struct cgroup *cgrp = bpf_cgroup_from_id(1);

	if (!cgrp)
		return 0;
	bpf_iter_css_new(&it, &cgrp->self, 0);
	while ((css = bpf_iter_css_next(&it)))
		sum += css->id;
	bpf_iter_css_destroy(&it);
	bpf_cgroup_release(cgrp);
	return 0;
}

SEC("syscall") int css_without_rcu(void *ctx)
{
	struct bpf_iter_css it;
	struct cgroup *cgrp = bpf_cgroup_from_id(1);

	if (!cgrp)
		return 0;
	bpf_iter_css_new(&it, &cgrp->self, 0);
	bpf_iter_css_destroy(&it);
	bpf_cgroup_release(cgrp);
	return 0;
}

SEC("syscall") int css_and_tasks(void *ctx)
{
	struct cgroup_subsys_state *css;
	struct task_struct *p;
	struct bpf_iter_css it;
	struct bpf_iter_task tasks;
	struct cgroup *cgrp = bpf_cgroup_from_id(1);

	if (!cgrp)
		return 0;
	bpf_rcu_read_lock();
	bpf_iter_css_new(&it, &cgrp->self, 1);
	while ((css = bpf_iter_css_next(&it))) {
		bpf_iter_task_new(&tasks, NULL, 0);
		while ((p = bpf_iter_task_next(&tasks)))
			if (bpf_task_under_cgroup(p, css->cgroup))
				sum++;
		bpf_iter_task_destroy(&tasks);
	}
	bpf_iter_css_destroy(&it);
	bpf_rcu_read_unlock();
	bpf_cgroup_release(cgrp);
	return 0;
}

SEC("syscall") int css_tasks(void *ctx)
{
	struct bpf_iter_css_task it;
	struct task_struct *p;
	struct cgroup *cgrp = bpf_cgroup_from_id(1);

	if (!cgrp)
		return 0;
	bpf_iter_css_task_new(&it, &cgrp->self, 1);
	while ((p = bpf_iter_css_task_next(&it)))
		sum += p->pid;
	bpf_iter_css_task_destroy(&it);
	bpf_cgroup_release(cgrp);
	return 0;
}

SEC("tp_btf/sched_switch") int css_tasks_not_sleepable(void *ctx)
{
	struct bpf_iter_css_task it;
	struct cgroup *cgrp = bpf_cgroup_from_id(1);

	if (!cgrp)
		return 0;
	bpf_iter_css_task_new(&it, &cgrp->self, 1);
	bpf_iter_css_task_destroy(&it);
	bpf_cgroup_release(cgrp);
	return 0;
}

char _license[] SEC("license") = "GPL";
