// SPDX-License-Identifier: MIT
//
// The program's own stack: by id in a map, and copied into a buffer.
#include "skep.bpf.h"

static long (*get_stackid)(void *ctx, void *map, u64 flags) = (void *)27;
static long (*get_stack)(void *ctx, void *buf, u32 size, u64 flags) = (void *)67;

static void *(*get_current_task_btf)(void) = (void *)158;
static long (*bpf_get_task_stack)(void *task, void *buf, u32 size, u64 flags) = (void *)141;

#define FRAMES 16

struct {
	__uint(type, 7 /* BPF_MAP_TYPE_STACK_TRACE */);
	__uint(max_entries, 5);
	__uint(key_size, 4);
	__uint(value_size, FRAMES * 8);
} stacks SEC(".maps");

u64 flags;
s64 id;
s64 copied;
u64 frames[FRAMES];

SEC("raw_tp") int run(void *ctx)
{
	id = get_stackid(ctx, &stacks, flags);
	copied = get_stack(ctx, frames, sizeof(frames), flags);
	return 0;
}

SEC("raw_tp") int of_task(void *ctx)
{
	copied = bpf_get_task_stack(get_current_task_btf(), frames, sizeof(frames), flags);
	return 0;
}

char _license[] SEC("license") = "GPL";
