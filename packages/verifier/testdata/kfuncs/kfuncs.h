// SPDX-License-Identifier: MIT
//
// What the objects beside this file need of libbpf's conventions and of the kernel's interface.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;

#define NULL ((void *)0)
#define true 1
#define false 0

#define SEC(name) __attribute__((section(name), used))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __weak __attribute__((weak))
#define __hidden __attribute__((visibility("hidden")))
#define __ksym __attribute__((section(".ksyms")))
#define __decl_tag(text) __attribute__((btf_decl_tag(text)))
#define __type_tag(text) __attribute__((btf_type_tag(text)))
#define __kernel_type __attribute__((preserve_access_index))

#define __arg_ctx __decl_tag("arg:ctx")
#define __arg_nonnull __decl_tag("arg:nonnull")
#define __arg_nullable __decl_tag("arg:nullable")
#define __arg_trusted __decl_tag("arg:trusted")
#define __arg_untrusted __decl_tag("arg:untrusted")
#define __arg_arena __decl_tag("arg:arena")

#define __kptr __type_tag("kptr")
#define __kptr_untrusted __type_tag("kptr_untrusted")
#define __percpu_kptr __type_tag("percpu_kptr")
#define __contains(type, node) __decl_tag("contains:" #type ":" #node)
#define __exception_cb(name) __decl_tag("exception_callback:" #name)
#define __arena __attribute__((address_space(1)))

#define private(name) SEC(".data." #name) __hidden __attribute__((aligned(8)))
#define container_of(pointer, type, member) ((type *)((void *)(pointer) - __builtin_offsetof(type, member)))
#define barrier_var(variable) asm volatile("" : "+r"(variable))
#define type_id_local(type) __builtin_btf_type_id(*(type *)0, 0)
#define type_id_kernel(type) __builtin_btf_type_id(*(type *)0, 1)

#define __uint(name, number) int (*name)[number]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_ARENA = 33,
};

enum { BPF_F_MMAPABLE = 1024 };

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan_tci;
	u32 vlan_proto;
	u32 priority;
	u32 ingress_ifindex;
	u32 ifindex;
	u32 tc_index;
	u32 cb[5];
	u32 hash;
	u32 tc_classid;
	u32 data;
	u32 data_end;
};

struct bpf_spin_lock { u32 val; };
struct bpf_res_spin_lock { u32 val; };
struct bpf_timer { u64 opaque[2]; };
struct bpf_wq { u64 opaque[2]; };
struct bpf_task_work { u64 opaque; };
struct bpf_refcount { u32 opaque[1]; };
struct bpf_list_head { u64 opaque[2]; };
struct bpf_list_node { u64 opaque[3]; };
struct bpf_rb_root { u64 opaque[2]; };
struct bpf_rb_node { u64 opaque[4]; };
struct bpf_dynptr { u64 opaque[2]; };

struct bpf_iter_num { u64 opaque[1]; };
struct bpf_iter_bits { u64 opaque[2]; };
struct bpf_iter_task { u64 opaque[3]; };
struct bpf_iter_css { u64 opaque[3]; };
struct bpf_iter_task_vma { u64 opaque[1]; };
struct bpf_iter_css_task { u64 opaque[1]; };
struct bpf_iter_kmem_cache { u64 opaque[1]; };

struct cpumask { u64 bits[1]; } __kernel_type;
struct bpf_cpumask { struct cpumask cpumask; u32 usage; } __kernel_type;
struct css_set;
struct cgroup;
struct cgroup_subsys_state { struct cgroup *cgroup; struct cgroup_subsys_state *parent; int id; } __kernel_type;
struct cgroup { struct cgroup_subsys_state self; int level; } __kernel_type;
struct css_set { struct cgroup *dfl_cgrp; } __kernel_type;
struct mm_struct { u64 start_code; } __kernel_type;
struct vm_area_struct { u64 vm_start; u64 vm_end; struct mm_struct *vm_mm; } __kernel_type;
struct task_struct {
	int pid;
	int tgid;
	u32 flags;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	struct task_struct *last_wakee;
	struct css_set *cgroups;
	struct cpumask *cpus_ptr;
	struct mm_struct *mm;
	char comm[16];
} __kernel_type;
struct net_device { int ifindex; char name[16]; } __kernel_type;
struct sk_buff { u32 len; u32 mark; struct net_device *dev; } __kernel_type;
struct xdp_rxq_info { struct net_device *dev; } __kernel_type;
struct xdp_buff { void *data; struct xdp_rxq_info *rxq; } __kernel_type;
struct nf_conn { u32 mark; u64 status; } __kernel_type;
struct bpf_map;
struct file;
struct path;
struct inode { u64 i_ino; } __kernel_type;

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_trace_printk)(const char *format, u32 size, ...) = (void *)6;
static u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static u64 (*const bpf_get_current_task)(void) = (void *)35;
static long (*const bpf_skb_pull_data)(struct __sk_buff *skb, u32 len) = (void *)39;
static long (*const bpf_skb_change_tail)(struct __sk_buff *skb, u32 len, u64 flags) = (void *)38;
static long (*const bpf_xdp_adjust_head)(struct xdp_md *xdp, int delta) = (void *)44;
static void (*const bpf_spin_lock)(struct bpf_spin_lock *lock) = (void *)93;
static void (*const bpf_spin_unlock)(struct bpf_spin_lock *lock) = (void *)94;
static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static void *(*const bpf_ringbuf_reserve)(void *map, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *data, u64 flags) = (void *)133;
static long (*const bpf_copy_from_user)(void *to, u32 size, const void *from) = (void *)148;
static void *(*const bpf_per_cpu_ptr)(const void *pointer, u32 cpu) = (void *)153;
static void *(*const bpf_this_cpu_ptr)(const void *pointer) = (void *)154;
static struct task_struct *(*const bpf_get_current_task_btf)(void) = (void *)158;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *context, u64 flags) = (void *)164;
static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*const bpf_timer_start)(struct bpf_timer *timer, u64 nanoseconds, u64 flags) = (void *)171;
static long (*const bpf_timer_cancel)(struct bpf_timer *timer) = (void *)172;
static long (*const bpf_loop)(u32 count, void *callback, void *context, u64 flags) = (void *)181;
static void *(*const bpf_kptr_xchg)(void *to, void *pointer) = (void *)194;
static long (*const bpf_dynptr_from_mem)(void *data, u32 size, u64 flags, struct bpf_dynptr *ptr) = (void *)197;
static long (*const bpf_ringbuf_reserve_dynptr)(void *map, u32 size, u64 flags, struct bpf_dynptr *ptr) = (void *)198;
static void (*const bpf_ringbuf_submit_dynptr)(struct bpf_dynptr *ptr, u64 flags) = (void *)199;
static void (*const bpf_ringbuf_discard_dynptr)(struct bpf_dynptr *ptr, u64 flags) = (void *)200;
static long (*const bpf_dynptr_read)(void *to, u32 len, const struct bpf_dynptr *ptr, u32 at, u64 flags) = (void *)201;
static long (*const bpf_dynptr_write)(struct bpf_dynptr *ptr, u32 at, void *from, u32 len, u64 flags) = (void *)202;
static void *(*const bpf_dynptr_data)(const struct bpf_dynptr *ptr, u32 at, u32 len) = (void *)203;

// Sections and locks.
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_local_irq_save(unsigned long *flags) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;

// Iterators.
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *words, u32 count) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, u32 flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start, u32 flags) __ksym;
extern struct cgroup_subsys_state *bpf_iter_css_next(struct bpf_iter_css *it) __ksym;
extern void bpf_iter_css_destroy(struct bpf_iter_css *it) __ksym;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 address) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;
extern int bpf_iter_css_task_new(struct bpf_iter_css_task *it, struct cgroup_subsys_state *css, u32 flags) __ksym;
extern struct task_struct *bpf_iter_css_task_next(struct bpf_iter_css_task *it) __ksym;
extern void bpf_iter_css_task_destroy(struct bpf_iter_css_task *it) __ksym;

// Objects of the kernel.
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern struct cgroup *bpf_cgroup_from_id(u64 id) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask) __ksym;
extern bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __ksym;
extern u32 bpf_cpumask_first(const struct cpumask *cpumask) __ksym;
extern u32 bpf_cpumask_weight(const struct cpumask *cpumask) __ksym;
extern bool bpf_cpumask_and(struct bpf_cpumask *to, const struct cpumask *a, const struct cpumask *b) __ksym;
extern s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

// Objects of the program.
extern void *bpf_obj_new_impl(u64 local_type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *kptr, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *kptr, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(u64 local_type_id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *kptr, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *head) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta,
			       u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;

#define bpf_obj_new(type) ((type *)bpf_obj_new_impl(type_id_local(type), NULL))
#define bpf_obj_drop(kptr) bpf_obj_drop_impl(kptr, NULL)
#define bpf_refcount_acquire(kptr) ((typeof(kptr))bpf_refcount_acquire_impl(kptr, NULL))
#define bpf_percpu_obj_new(type) ((type __percpu_kptr *)bpf_percpu_obj_new_impl(type_id_local(type), NULL))
#define bpf_percpu_obj_drop(kptr) bpf_percpu_obj_drop_impl((void *)(kptr), NULL)
#define bpf_list_push_front(head, node) bpf_list_push_front_impl(head, node, NULL, 0)
#define bpf_list_push_back(head, node) bpf_list_push_back_impl(head, node, NULL, 0)
#define bpf_rbtree_add(root, node, less) bpf_rbtree_add_impl(root, node, less, NULL, 0)

// Dynptrs.
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_from_skb_meta(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, u64 flags, struct bpf_dynptr *ptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, u64 at, void *buffer, u64 size) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *ptr, u64 at, void *buffer, u64 size) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *ptr, u64 start, u64 end) __ksym;
extern bool bpf_dynptr_is_null(const struct bpf_dynptr *ptr) __ksym;
extern bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *ptr) __ksym;
extern u64 bpf_dynptr_size(const struct bpf_dynptr *ptr) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *ptr, struct bpf_dynptr *clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *to, u64 to_at, struct bpf_dynptr *from, u64 from_at, u64 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *ptr, u64 at, u64 size, u8 byte) __ksym;

// The rest.
extern void bpf_throw(u64 cookie) __ksym;
extern void *bpf_cast_to_kern_ctx(void *object) __ksym;
extern void *bpf_rdonly_cast(const void *object, u32 type_id) __ksym;
extern int bpf_wq_init(struct bpf_wq *wq, void *map, u32 flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, u32 flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *map, int *key, void *value), u32 flags,
				    void *aux) __ksym;
extern int bpf_task_work_schedule_signal_impl(struct task_struct *task, struct bpf_task_work *tw, void *map,
					      int (*callback)(void *map, void *key, void *value), void *aux) __ksym;
extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, u32 count, int node, u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *address, u32 count) __ksym;
extern int bpf_strlen(const char *s) __ksym;
extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_copy_from_user_str(void *to, u32 size, const void *from, u64 flags) __ksym;

#define bpf_wq_set_callback(wq, callback, flags) bpf_wq_set_callback_impl(wq, callback, flags, NULL)
