// SPDX-License-Identifier: MIT
//
// Locks that fail instead of waiting for ever.
#include "special.h"

struct bpf_res_spin_lock {
	u32 val;
};

extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;

struct held {
	struct bpf_res_spin_lock lock;
	u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct held);
} locks SEC(".maps");

s64 results[8];
u32 counted;

SEC("xdp") int lock_all(void *ctx)
{
	u32 zero = 0, one = 1;
	struct held *a = bpf_map_lookup_elem(&locks, &zero);
	struct held *b = bpf_map_lookup_elem(&locks, &one);
	struct held *again = bpf_map_lookup_elem(&locks, &zero);
	unsigned long flags;

	if (!a || !b || !again)
		return 1;
	results[0] = bpf_res_spin_lock(&a->lock);
	if (results[0])
		return 2;
	a->count++;
	results[1] = bpf_res_spin_lock(&b->lock);
	if (results[1]) {
		bpf_res_spin_unlock(&a->lock);
		return 3;
	}
	b->count += 2;
	bpf_res_spin_unlock(&b->lock);
	bpf_res_spin_unlock(&a->lock);
	results[2] = bpf_res_spin_lock_irqsave(&b->lock, &flags);
	if (results[2])
		return 4;
	b->count += 4;
	bpf_res_spin_unlock_irqrestore(&b->lock, &flags);
	counted = a->count + b->count;
	return 0;
}

// The same lock by two ways.
SEC("xdp") int lock_twice(void *ctx)
{
	u32 zero = 0;
	struct held *a = bpf_map_lookup_elem(&locks, &zero);
	struct held *again = bpf_map_lookup_elem(&locks, &zero);
	int error;

	if (!a || !again)
		return 1;
	if (bpf_res_spin_lock(&a->lock))
		return 2;
	error = bpf_res_spin_lock(&again->lock);
	if (!error)
		bpf_res_spin_unlock(&again->lock);
	results[3] = error;
	bpf_res_spin_unlock(&a->lock);
	error = bpf_res_spin_lock(&again->lock);
	if (!error)
		bpf_res_spin_unlock(&again->lock);
	results[4] = error;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
