// SPDX-License-Identifier: MIT
//
// Functions and variables of the kernel.
#include "bpf.h"

struct task_struct {
	int pid;
};

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern void bpf_never_was(void) __ksym __weak;
extern const int bpf_prog_active __ksym;
extern const void schedule __ksym;
extern const int never_was __ksym __weak;

SEC("syscall") int program(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task)
		bpf_task_release(task);
	if (bpf_never_was)
		bpf_never_was();
	return (long)&schedule + (long)&bpf_prog_active + (&never_was ? 1 : 0);
}

char _license[] SEC("license") = "GPL";
