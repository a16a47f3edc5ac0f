// SPDX-License-Identifier: MIT
//
// Work that is done later: work queues, task work, timers.
#include "kfuncs.h"

struct job { struct bpf_wq wq; u64 n; };
struct both { struct bpf_wq wq; struct bpf_timer timer; u64 n; };
struct work { struct bpf_task_work tw; u64 n; };

u64 sum;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct job);
} jobs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct job);
} hashed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct both);
} boths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct work);
} works SEC(".maps");

static int job_done(void *map, int *key, void *value)
{
	struct job *job = value;

	job->n++;
	return 0;
}

static int job_sleeps(void *map, int *key, void *value)
{
	u64 v;

	bpf_copy_from_user(&v, 8, NULL);
	return 0;
}

static int job_returns_one(void *map, int *key, void *value)
{
	return 1;
}

static int job_starts_again(void *map, int *key, void *value)
{
	struct job *job = value;

	bpf_wq_start(&job->wq, 0);
	return 0;
}

static int job_beyond(void *map, int *key, void *value)
{
	return ((volatile char *)value)[24] & 0;
}

static int job_writes_key(void *map, int *key, void *value)
{
	*key = 3;
	return 0;
}

static int job_leaks(void *map, int *key, void *value)
{
	bpf_rcu_read_lock();
	return 0;
}

#define WQ(name, map, callback)                                                                                       \
	SEC("tc") int name(void *ctx)                                                                                 \
	{                                                                                                             \
		u32 key = 0;                                                                                          \
		struct job *job = bpf_map_lookup_elem(&map, &key);                                                    \
                                                                                                                      \
		if (!job)                                                                                             \
			return 0;                                                                                     \
		if (bpf_wq_init(&job->wq, &map, 0))                                                                   \
			return 0;                                                                                     \
		if (bpf_wq_set_callback(&job->wq, callback, 0))                                                       \
			return 0;                                                                                     \
		bpf_wq_start(&job->wq, 0);                                                                            \
		return 0;                                                                                             \
	}

WQ(wq_simple, jobs, job_done)
WQ(wq_hashed, hashed, job_done)
WQ(wq_sleeps, jobs, job_sleeps)
WQ(wq_returns_one, jobs, job_returns_one)
WQ(wq_starts_again, jobs, job_starts_again)
WQ(wq_beyond, jobs, job_beyond)
WQ(wq_writes_key, jobs, job_writes_key)
WQ(wq_leaks, jobs, job_leaks)

SEC("tc") int wq_wrong_map(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	return bpf_wq_init(&job->wq, &hashed, 0);
}

SEC("tc") int wq_wrong_offset(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	return bpf_wq_init((void *)&job->n, &jobs, 0);
}

SEC("tc") int wq_on_stack(void *ctx)
{
	struct bpf_wq wq;

	return bpf_wq_init(&wq, &jobs, 0);
}

SEC("tc") int wq_maybe_null(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	return bpf_wq_init(&job->wq, &jobs, 0);
}

SEC("tc") int wq_read_directly(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	return *(volatile u64 *)&job->wq;
}

SEC("tc") int wq_under_rcu(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	bpf_rcu_read_lock();
	bpf_wq_set_callback(&job->wq, job_done, 0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int wq_callback_null(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	return bpf_wq_set_callback(&job->wq, NULL, 0);
}

static int timer_done(void *map, int *key, struct both *both)
{
	both->n++;
	return 0;
}

static int timer_sleeps(void *map, int *key, struct both *both)
{
	u64 v;

	bpf_copy_from_user(&v, 8, NULL);
	return 0;
}

static int both_wq(void *map, int *key, void *value)
{
	struct both *both = value;

	bpf_timer_start(&both->timer, 1000, 0);
	return 0;
}

SEC("tc") int timer_and_wq(void *ctx)
{
	u32 key = 0;
	struct both *both = bpf_map_lookup_elem(&boths, &key);

	if (!both)
		return 0;
	bpf_timer_init(&both->timer, &boths, 1);
	bpf_timer_set_callback(&both->timer, timer_done);
	bpf_wq_init(&both->wq, &boths, 0);
	bpf_wq_set_callback(&both->wq, both_wq, 0);
	bpf_wq_start(&both->wq, 0);
	return 0;
}

SEC("tc") int timer_callback_sleeps(void *ctx)
{
	u32 key = 0;
	struct both *both = bpf_map_lookup_elem(&boths, &key);

	if (!both)
		return 0;
	bpf_timer_set_callback(&both->timer, timer_sleeps);
	return 0;
}

SEC("syscall") int timer_callback_sleeps_in_syscall(void *ctx)
{
	u32 key = 0;
	struct both *both = bpf_map_lookup_elem(&boths, &key);

	if (!both)
		return 0;
	bpf_timer_set_callback(&both->timer, timer_sleeps);
	return 0;
}

SEC("syscall") int wq_in_syscall(void *ctx)
{
	u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job)
		return 0;
	bpf_wq_init(&job->wq, &jobs, 0);
	bpf_wq_set_callback(&job->wq, job_sleeps, 0);
	bpf_wq_start(&job->wq, 0);
	return 0;
}

SEC("tc") int timer_as_wq(void *ctx)
{
	u32 key = 0;
	struct both *both = bpf_map_lookup_elem(&boths, &key);

	if (!both)
		return 0;
	return bpf_wq_init((void *)&both->timer, &boths, 0);
}

static int work_done(void *map, void *key, void *value)
{
	struct work *work = value;

	work->n++;
	return 0;
}

static int work_sleeps(void *map, void *key, void *value)
{
	u64 v;

	bpf_copy_from_user(&v, 8, NULL);
	return 5;
}

SEC("tp_btf/sched_switch") int task_work(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &work->tw, &works, work_done, NULL);
	return 0;
}

SEC("tp_btf/sched_switch") int task_work_sleeps(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &work->tw, &works, work_sleeps, NULL);
	return 0;
}

SEC("tp_btf/sched_switch") int task_work_null_task(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(NULL, &work->tw, &works, work_done, NULL);
	return 0;
}

SEC("tp_btf/sched_switch") int task_work_wrong_map(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &work->tw, &hashed, work_done, NULL);
	return 0;
}

SEC("tp_btf/sched_switch") int task_work_null_map(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &work->tw, NULL, work_done, NULL);
	return 0;
}

SEC("tp_btf/sched_switch") int task_work_untrusted_task(void *ctx)
{
	u32 key = 0;
	struct work *work = bpf_map_lookup_elem(&works, &key);

	if (!work)
		return 0;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf()->last_wakee, &work->tw, &works, work_done, NULL);
	return 0;
}

char _license[] SEC("license") = "GPL";
