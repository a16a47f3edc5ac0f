// SPDX-License-Identifier: MIT
//
// Every kind of CO-RE relocation against the types of a running kernel: of structs, unions, enums and typedefs that Linux
// has had for years, under layouts of our own, and of some that it never had.
#include "bpf.h"
#include "core.h"

typedef int pid_t;
typedef long long time64_t;

struct list_head {
	struct list_head *next;
} core;

struct thread_info {
	u64 flags;
} core;

struct task_struct {
	char comm[16];
	pid_t pid;
	int prio;
	u32 flags;
	// Of 64 bits in the kernel.
	u32 start_time;
	// A bit in the kernel, unsigned.
	int in_execve;
	u32 sched_reset_on_fork : 1;
	u32 no_such_bits : 3;
	void *stack;
	struct thread_info thread_info;
	struct list_head tasks;
	struct task_struct *group_leader;
	u64 no_such_field;
} core;

// Before 5.14 and from it on.
struct task_struct___old {
	long state;
} core;
struct task_struct___new {
	u32 __state;
} core;
// No flavour of ours has what the kernel's has under another type.
struct task_struct___other {
	char *pid;
	struct list_head prio;
} core;

struct sk_buff {
	// 32 bits in the kernel.
	u64 len;
	u16 protocol;
	char cb[48];
	u8 pkt_type : 3;
	u8 ip_summed : 2;
	u8 cloned : 1;
	union {
		struct {
			struct sk_buff *next;
			union {
				void *dev;
				u64 dev_scratch;
			};
		};
		struct list_head list;
	};
	u8 *data;
} core;

struct iphdr {
	u8 ihl : 4;
	u8 version : 4;
	u32 saddr;
} core;

struct sock_common {
	union {
		struct {
			u32 skc_daddr;
			u32 skc_rcv_saddr;
		};
	};
	u16 skc_family;
} core;
struct sock {
	struct sock_common __sk_common;
} core;

struct nowhere_in_linux {
	int a;
	struct {
		int b;
	} c[4];
} core;

union nf_inet_addr {
	u32 all[4];
	u32 ip;
} core;
union nowhere_either {
	u32 a;
} core;

enum bpf_map_kinds { NONE };
enum perf_event_state { PERF_EVENT_STATE_DEAD = -50, PERF_EVENT_STATE_ACTIVE = 100, PERF_EVENT_STATE_NEVER = 7 };
enum perf_event_state___flavour { PERF_EVENT_STATE_OFF___flavour = 9 };
enum ib_uverbs_raw_nothing { IB_NOTHING = 1 };
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };
enum no_enum_of_linux { NO_VALUE_OF_LINUX = 0x100000000ULL };

struct refcount_struct {
	int refs;
} core;
typedef struct refcount_struct refcount_t;
typedef u64 no_typedef_of_linux;
typedef void (*work_func_t)(struct work_struct *work);

// What a type must have to match.
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} core;
struct qstr {
	u64 nothing_of_it;
} core;

volatile u64 sink;

SEC("xdp") int loads(void *ctx)
{
	struct task_struct *task = ctx;
	struct sk_buff *skb = ctx;
	struct sock *sock = ctx;
	u64 sum = task->pid + task->prio + task->flags + task->comm[5];

	sum += task->thread_info.flags + (u64)task->stack + (u64)task->tasks.next;
	sum += task[1].pid;
	sum += skb->protocol + skb->cb[47] + (u64)skb->next + (u64)skb->dev + skb->dev_scratch + (u64)skb->list.next;
	sum += sock->__sk_common.skc_family + sock->__sk_common.skc_rcv_saddr;
	sum += (u64)task->group_leader;
	sink = sum;
	return 0;
}

SEC("xdp") int sized(void *ctx)
{
	struct task_struct *task = ctx;
	struct sk_buff *skb = ctx;

	sink = skb->len;
	sink = task->start_time;
	skb->len = sink;
	task->start_time = 7;
	task->flags = sink;
	return 0;
}

SEC("xdp") int offsets(void *ctx)
{
	struct task_struct *task = ctx;
	struct sk_buff *skb = ctx;
	struct nowhere_in_linux *nowhere = ctx;

	sink = field_info(task->pid, BYTE_OFFSET) + field_info(task->comm, BYTE_SIZE) + field_info(task->comm[3], BYTE_OFFSET);
	sink = field_info(task->pid, BYTE_SIZE) + field_info(skb->cb, BYTE_OFFSET) + field_info(skb->dev, BYTE_OFFSET);
	sink = field_info(task->pid, SIGNED) + field_info(task->flags, SIGNED);
	sink = field_info(task->pid, EXISTS) + field_info(task->no_such_field, EXISTS) + field_info(nowhere->a, EXISTS);
	sink = field_info(nowhere->c[2].b, EXISTS) + field_info(skb->dev_scratch, EXISTS);
	sink = (u64)&skb->data + (u64)&task->tasks;
	return 0;
}

SEC("xdp") int bitfields(void *ctx)
{
	struct task_struct *task = ctx;
	struct sk_buff *skb = ctx;
	struct iphdr *ip = ctx;

	sink = field_info(skb->pkt_type, BYTE_OFFSET) + field_info(skb->pkt_type, BYTE_SIZE);
	sink = field_info(skb->pkt_type, LSHIFT) + field_info(skb->pkt_type, RSHIFT) + field_info(skb->pkt_type, SIGNED);
	sink = field_info(skb->ip_summed, LSHIFT) + field_info(skb->ip_summed, RSHIFT) + field_info(skb->cloned, LSHIFT);
	sink = field_info(ip->ihl, BYTE_OFFSET) + field_info(ip->ihl, LSHIFT) + field_info(ip->ihl, RSHIFT);
	sink = field_info(ip->version, BYTE_OFFSET) + field_info(ip->version, LSHIFT) + field_info(ip->version, RSHIFT);
	sink = field_info(task->sched_reset_on_fork, BYTE_OFFSET) + field_info(task->sched_reset_on_fork, LSHIFT);
	sink = field_info(task->in_execve, BYTE_OFFSET) + field_info(task->in_execve, LSHIFT) + field_info(task->in_execve, RSHIFT);
	sink = field_info(task->pid, LSHIFT) + field_info(task->pid, RSHIFT) + field_info(task->no_such_bits, EXISTS);
	return 0;
}

SEC("xdp") int flavours(void *ctx)
{
	struct task_struct___old *old = ctx;
	struct task_struct___new *new = ctx;
	struct task_struct___other *other = ctx;

	sink = field_info(old->state, EXISTS) ? old->state : new->__state;
	sink = field_info(other->pid, EXISTS) + field_info(other->prio, EXISTS);
	sink = type_info(struct task_struct___old, TYPE_EXISTS) + type_info(struct task_struct___old, TYPE_SIZE);
	sink = enum_value(enum perf_event_state___flavour, PERF_EVENT_STATE_OFF___flavour, VALUE);
	return 0;
}

SEC("xdp") int types(void *ctx)
{
	sink = type_id(struct task_struct, LOCAL);
	sink = type_id(struct task_struct, TARGET);
	sink = type_id(union nf_inet_addr, TARGET);
	sink = type_id(enum pid_type, TARGET);
	sink = type_id(refcount_t, TARGET);
	sink = type_id(struct nowhere_in_linux, LOCAL);
	sink = type_id(struct nowhere_in_linux, TARGET);
	sink = type_info(struct task_struct, TYPE_EXISTS) + type_info(union nf_inet_addr, TYPE_EXISTS) + type_info(enum pid_type, TYPE_EXISTS);
	sink = type_info(struct nowhere_in_linux, TYPE_EXISTS) + type_info(union nowhere_either, TYPE_EXISTS) + type_info(enum no_enum_of_linux, TYPE_EXISTS);
	sink = type_info(refcount_t, TYPE_EXISTS) + type_info(no_typedef_of_linux, TYPE_EXISTS) + type_info(work_func_t, TYPE_EXISTS);
	sink = type_info(struct task_struct, TYPE_SIZE) + type_info(refcount_t, TYPE_SIZE) + type_info(enum pid_type, TYPE_SIZE);
	sink = type_info(struct nowhere_in_linux, TYPE_SIZE) + type_info(time64_t, TYPE_SIZE);
	return 0;
}

SEC("xdp") int matches(void *ctx)
{
	sink = type_info(struct path, TYPE_MATCHES) + type_info(struct qstr, TYPE_MATCHES) + type_info(struct nowhere_in_linux, TYPE_MATCHES);
	sink = type_info(enum pid_type, TYPE_MATCHES) + type_info(enum perf_event_state, TYPE_MATCHES) + type_info(work_func_t, TYPE_MATCHES);
	sink = type_info(struct sk_buff, TYPE_MATCHES) + type_info(struct task_struct___new, TYPE_MATCHES) + type_info(refcount_t, TYPE_MATCHES);
	return 0;
}

SEC("xdp") int values(void *ctx)
{
	sink = enum_value(enum perf_event_state, PERF_EVENT_STATE_DEAD, VALUE);
	sink = enum_value(enum perf_event_state, PERF_EVENT_STATE_ACTIVE, VALUE);
	sink = enum_value(enum perf_event_state, PERF_EVENT_STATE_DEAD, VALUE_EXISTS) + enum_value(enum perf_event_state, PERF_EVENT_STATE_NEVER, VALUE_EXISTS);
	sink = enum_value(enum pid_type, PIDTYPE_SID, VALUE);
	sink = enum_value(enum no_enum_of_linux, NO_VALUE_OF_LINUX, VALUE_EXISTS);
	return 0;
}

// What the kernel has not, or not so, each where it is used.
SEC("xdp") int poisoned(void *ctx)
{
	struct task_struct *task = ctx;
	struct task_struct___old *old = ctx;
	struct nowhere_in_linux *nowhere = ctx;

	sink = task->no_such_field;
	sink = old->state;
	sink = nowhere->c[1].b;
	sink = (u64)&nowhere->c[3];
	sink = task->in_execve;
	sink = field_info(task->no_such_field, BYTE_OFFSET);
	sink = field_info(task->no_such_bits, LSHIFT);
	sink = field_info(nowhere->a, SIGNED);
	task->no_such_field = 5;
	sink = enum_value(enum perf_event_state, PERF_EVENT_STATE_NEVER, VALUE);
	sink = enum_value(enum no_enum_of_linux, NO_VALUE_OF_LINUX, VALUE);
	return 0;
}

char _license[] SEC("license") = "GPL";
