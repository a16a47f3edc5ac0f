// SPDX-License-Identifier: MIT
//
// Tells of each program that starts and ends, and how long it ran: a record in a ring buffer each, start times in a hash.
#include "examples.h"

struct event {
	u64 lasted;
	u32 pid;
	u32 exits;
	u32 was; // The id of the thread that made the call: execve makes it that of its process.
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

// Programs that ran for less are not told of; with a number above 0 starts are not either.
const volatile u64 min_nanoseconds = 0;

SEC("raw_tp/sched_process_exec") int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	u64 now = bpf_ktime_get_ns();
	struct event *event;

	bpf_map_update_elem(&started, &pid, &now, BPF_ANY);
	if (min_nanoseconds)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->lasted = 0;
	event->exits = false;
	event->pid = pid;
	event->was = ctx->args[1];
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/sched_process_exit") int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32;
	u64 *start, lasted;
	struct event *event;

	// Other threads of the process end before it does.
	if (pid != (u32)id)
		return 0;
	start = bpf_map_lookup_elem(&started, &pid);
	if (!start)
		return 0;
	lasted = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&started, &pid);
	if (lasted < min_nanoseconds)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->lasted = lasted;
	event->exits = true;
	event->pid = pid;
	event->was = pid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
