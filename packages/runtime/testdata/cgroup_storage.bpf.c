// SPDX-License-Identifier: MIT
//
// Runs are counted in the storage of the attachment, once for all CPUs and once for each.
#include "skep.bpf.h"

static void *(*get_local_storage)(void *map, u64 flags) = (void *)81;

struct bpf_cgroup_storage_key {
	u64 cgroup_inode_id;
	u32 attach_type;
};

struct {
	__uint(type, 19 /* BPF_MAP_TYPE_CGROUP_STORAGE */);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} all SEC(".maps");

struct {
	__uint(type, 21 /* BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE */);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} each SEC(".maps");

struct __sk_buff;

u64 seen;
u64 seen_here;

SEC("cgroup_skb/egress") int count(struct __sk_buff *skb)
{
	u64 *a = get_local_storage(&all, 0);
	u64 *b = get_local_storage(&each, 0);

	seen = ++*a;
	seen_here = *b += 2;
	return 1;
}

char _license[] SEC("license") = "GPL";
