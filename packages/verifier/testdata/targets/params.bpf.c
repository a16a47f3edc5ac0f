// SPDX-License-Identifier: MIT
//
// Global functions that take structs of the kernel: tags, flavours, what is no such struct.
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define ARG(tag) __attribute__((btf_decl_tag("arg:" tag)))
#define CORE __attribute__((preserve_access_index))
#define NOINLINE __attribute__((noinline))
// Something that the compiler knows nothing of.
#define USE(p) ({ int n_ = 1; __asm__ volatile("" : "+r"(n_) : "r"(p)); n_; })

char LICENSE[] SEC("license") = "GPL";

struct mm_struct;
struct task_struct { int pid; struct task_struct *real_parent, *last_wakee; struct mm_struct *mm; } CORE;
struct task_struct___flavour { int pid; } CORE;
struct file { unsigned f_mode; } CORE;
struct no_such_struct { int x; };
union bpf_iter_link_info { int x; };
enum pid_type { PIDTYPE_PID };
typedef struct task_struct task_t;

static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static long (*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;

NOINLINE int trusted(struct task_struct *task ARG("trusted")) { return task->pid; }
NOINLINE int nullable(struct task_struct *task ARG("trusted") ARG("nullable")) { return task ? task->pid : 0; }
NOINLINE int unchecked(struct task_struct *task ARG("trusted") ARG("nullable")) { return task->pid; }
NOINLINE int nonnull(struct task_struct *task ARG("trusted") ARG("nonnull")) { return USE(task); }
NOINLINE int flavour(struct task_struct___flavour *task ARG("trusted")) { return USE(task); }
NOINLINE int unknown(struct no_such_struct *task ARG("trusted")) { return USE(task); }
NOINLINE int by_typedef(task_t *task ARG("trusted")) { return USE(task); }
NOINLINE int by_const(const struct task_struct *task ARG("trusted")) { return task->pid; }
NOINLINE int number(int *n ARG("trusted")) { return USE(n); }
NOINLINE int nothing(void *p ARG("trusted")) { return USE(p); }
NOINLINE int no_pointer(int n ARG("trusted")) { return USE(n); }
NOINLINE int other_tag(struct task_struct *task ARG("other")) { return USE(task); }
NOINLINE int two(struct task_struct *a ARG("trusted"), struct task_struct *b ARG("trusted") ARG("nullable"), int n)
{
	return (b ? b->pid : 0) + a->pid + n;
}
NOINLINE int a_file(struct file *file ARG("trusted")) { return file->f_mode; }
NOINLINE int to_helper(struct task_struct *task ARG("trusted")) { return bpf_task_pt_regs(task) != 0; }
NOINLINE int untrusted(struct task_struct *task ARG("untrusted")) { return task->pid; }
NOINLINE int untrusted_far(struct task_struct *task ARG("untrusted")) { return task->real_parent->pid; }
NOINLINE int untrusted_number(int *n ARG("untrusted")) { return *n; }
NOINLINE int untrusted_text(char *text ARG("untrusted")) { return *text; }
NOINLINE int untrusted_memory(void *p ARG("untrusted")) { return *(int *)p; }
NOINLINE int untrusted_store(int *n ARG("untrusted")) { *n = 1; return USE(n); }
NOINLINE int untrusted_enum(enum pid_type *type ARG("untrusted")) { return *type; }
NOINLINE int untrusted_unknown(struct no_such_struct *p ARG("untrusted")) { return USE(p); }
NOINLINE int untrusted_union(union bpf_iter_link_info *p ARG("untrusted")) { return USE(p); }
NOINLINE int untrusted_nullable(struct task_struct *task ARG("untrusted") ARG("nullable")) { return USE(task); }
NOINLINE int untrusted_pointer(void **p ARG("untrusted")) { return USE(p); }

#define PROGRAM(name, expression) \
	SEC("tp_btf/task_newtask") int call_##name(u64 *ctx) { struct task_struct *task = (void *)ctx[0]; return expression; }

PROGRAM(trusted, trusted(task))
PROGRAM(trusted_current, trusted(bpf_get_current_task_btf()))
PROGRAM(trusted_parent, trusted(task->real_parent))
PROGRAM(trusted_wakee, trusted(task->last_wakee))
PROGRAM(trusted_null, trusted((void *)0))
PROGRAM(trusted_mm, trusted((void *)task->mm))
PROGRAM(trusted_inside, trusted((void *)task + 8))
PROGRAM(trusted_far, trusted((void *)task + 32768))
PROGRAM(trusted_context, trusted((void *)ctx))
PROGRAM(trusted_number, trusted((void *)ctx[1]))
PROGRAM(nullable, nullable(task))
PROGRAM(nullable_null, nullable((void *)0))
PROGRAM(unchecked, unchecked(task))
PROGRAM(nonnull, nonnull(task))
PROGRAM(flavour, flavour((void *)task))
PROGRAM(unknown, unknown((void *)task))
PROGRAM(by_typedef, by_typedef(task))
PROGRAM(by_const, by_const(task))
PROGRAM(number, number((void *)task))
PROGRAM(nothing, nothing(task))
PROGRAM(no_pointer, no_pointer(1))
PROGRAM(other_tag, other_tag(task))
PROGRAM(two, two(task, bpf_get_current_task_btf(), 3))
PROGRAM(two_null, two(task, (void *)0, 3))
PROGRAM(a_file, a_file((void *)task))
PROGRAM(to_helper, to_helper(task))
PROGRAM(untrusted, untrusted(task))
PROGRAM(untrusted_context, untrusted((void *)ctx))
PROGRAM(untrusted_null, untrusted((void *)0))
PROGRAM(untrusted_far, untrusted_far(task))
PROGRAM(untrusted_number, untrusted_number((void *)task))
PROGRAM(untrusted_text, untrusted_text((void *)task))
PROGRAM(untrusted_memory, untrusted_memory(task))
PROGRAM(untrusted_store, untrusted_store((void *)task))
PROGRAM(untrusted_enum, untrusted_enum((void *)task))
PROGRAM(untrusted_unknown, untrusted_unknown((void *)task))
PROGRAM(untrusted_union, untrusted_union((void *)task))
PROGRAM(untrusted_nullable, untrusted_nullable(task))
PROGRAM(untrusted_pointer, untrusted_pointer((void *)task))
