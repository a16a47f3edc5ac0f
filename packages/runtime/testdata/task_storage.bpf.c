// SPDX-License-Identifier: MIT
//
// What a program does with the value that a map keeps for the task it runs in: a list of steps, each with its result.
#include "skep.bpf.h"

#define MOST 32

struct task_struct;

static struct task_struct *(*get_current_task_btf)(void) = (void *)158;
static void *(*task_storage_get)(void *map, struct task_struct *task, void *value, u64 flags) = (void *)156;
static long (*task_storage_delete)(void *map, struct task_struct *task) = (void *)157;

struct value {
	u64 count;
	u64 other;
};

struct {
	__uint(type, 29 /* BPF_MAP_TYPE_TASK_STORAGE */);
	__uint(map_flags, 1 /* BPF_F_NO_PREALLOC */);
	__type(key, int);
	__type(value, struct value);
} tasks SEC(".maps");

enum { GET, CREATE, CREATE_WITH, BAD_FLAGS, DELETE };

u32 steps[MOST];
u64 results[MOST];
u32 count;

SEC("syscall") int run(void *ctx)
{
	struct task_struct *task = get_current_task_btf();

	for (u32 n = 0; n < MOST && n < count; n++) {
		struct value first = { .count = 100 + n, .other = 7 };
		struct value *value = NULL;

		switch (steps[n]) {
		case GET:
			value = task_storage_get(&tasks, task, NULL, 0);
			break;
		case CREATE:
			value = task_storage_get(&tasks, task, NULL, 1);
			break;
		case CREATE_WITH:
			value = task_storage_get(&tasks, task, &first, 1);
			break;
		case BAD_FLAGS:
			value = task_storage_get(&tasks, task, &first, 2);
			break;
		case DELETE:
			results[n] = task_storage_delete(&tasks, task);
			continue;
		}
		results[n] = value ? (value->count++ << 8) + value->other : (u64)-1;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
