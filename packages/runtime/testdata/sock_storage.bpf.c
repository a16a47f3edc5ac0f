// SPDX-License-Identifier: MIT
//
// What a program does with the value that a map keeps for a packet's socket, and for cgroups and inodes: a list of steps, each
// with its result.
#include "skep.bpf.h"

#define MOST 32

struct bpf_sock;
struct cgroup;
struct inode;

struct __sk_buff {
	u32 before[42];
	u64 sk;
};

static struct bpf_sock *(*const bpf_sk_fullsock)(void *sk) = (void *)95;
static void *(*const bpf_sk_storage_get)(void *map, void *sk, void *value, u64 flags) = (void *)107;
static long (*const bpf_sk_storage_delete)(void *map, void *sk) = (void *)108;
static void *(*const bpf_inode_storage_get)(void *map, void *inode, void *value, u64 flags) = (void *)145;
static long (*const bpf_inode_storage_delete)(void *map, void *inode) = (void *)146;
static void *(*const bpf_cgrp_storage_get)(void *map, void *cgroup, void *value, u64 flags) = (void *)210;
static long (*const bpf_cgrp_storage_delete)(void *map, void *cgroup) = (void *)211;

struct value {
	u64 count;
	u64 other;
};

#define STORAGE(name, number)                                                                                          \
	struct {                                                                                                       \
		__uint(type, number);                                                                                  \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                                  \
		__type(key, int);                                                                                      \
		__type(value, struct value);                                                                           \
	} name SEC(".maps")

STORAGE(sockets, 24 /* BPF_MAP_TYPE_SK_STORAGE */);
STORAGE(inodes, 28 /* BPF_MAP_TYPE_INODE_STORAGE */);
STORAGE(cgroups, 32 /* BPF_MAP_TYPE_CGRP_STORAGE */);

enum { GET, CREATE, CREATE_WITH, BAD_FLAGS, DELETE };

u32 steps[MOST];
u64 results[MOST];
u32 count;

#define WALK(get, delete, map, owner)                                                                                  \
	for (u32 n = 0; n < MOST && n < count; n++) {                                                                  \
		struct value first = { .count = 100 + n, .other = 7 };                                                 \
		struct value *value = NULL;                                                                            \
                                                                                                                       \
		switch (steps[n]) {                                                                                    \
		case GET:                                                                                              \
			value = get(map, owner, NULL, 0);                                                              \
			break;                                                                                         \
		case CREATE:                                                                                           \
			value = get(map, owner, NULL, 1);                                                              \
			break;                                                                                         \
		case CREATE_WITH:                                                                                      \
			value = get(map, owner, &first, 1);                                                            \
			break;                                                                                         \
		case BAD_FLAGS:                                                                                        \
			value = get(map, owner, &first, 2);                                                            \
			break;                                                                                         \
		case DELETE:                                                                                           \
			results[n] = delete (map, owner);                                                              \
			continue;                                                                                      \
		}                                                                                                      \
		results[n] = value ? (value->count++ << 8) + value->other : (u64)-1;                                   \
	}

SEC("tc") int of_socket(struct __sk_buff *skb)
{
	void *common = (void *)skb->sk;
	struct bpf_sock *sk;

	if (!common)
		return 1;
	sk = bpf_sk_fullsock(common);
	if (!sk)
		return 2;
	WALK(bpf_sk_storage_get, bpf_sk_storage_delete, &sockets, sk)
	return 0;
}

SEC("lsm/inode_permission") int of_inode(u64 *ctx)
{
	struct inode *inode = (struct inode *)ctx[0];

	WALK(bpf_inode_storage_get, bpf_inode_storage_delete, &inodes, inode)
	return 0;
}

SEC("tp_btf/cgroup_mkdir") int of_cgroup(u64 *ctx)
{
	struct cgroup *cgroup = (struct cgroup *)ctx[0];

	WALK(bpf_cgrp_storage_get, bpf_cgrp_storage_delete, &cgroups, cgroup)
	return 0;
}

char _license[] SEC("license") = "GPL";
