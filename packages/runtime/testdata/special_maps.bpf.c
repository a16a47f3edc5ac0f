// SPDX-License-Identifier: MIT
//
// Maps of every type whose values may have a lock, or a pointer to an object: what bpf(2) does to these.
#include "special.h"

struct plain {
	u64 a;
};

struct holder {
	u64 before;
	struct plain __kptr *kept;
	u64 after;
};

struct locked {
	u64 before;
	struct bpf_spin_lock lock;
	u32 after;
};

#define MAP(name, kind, entries, type_, flags)                                                                        \
	struct {                                                                                                      \
		__uint(type, kind);                                                                                   \
		__uint(max_entries, entries);                                                                         \
		__uint(map_flags, flags);                                                                             \
		__type(key, u32);                                                                                     \
		__type(value, type_);                                                                                 \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, 4, struct holder, 0);
MAP(sparse, BPF_MAP_TYPE_HASH, 4, struct holder, 1);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 4, struct holder, 0);
MAP(array, BPF_MAP_TYPE_ARRAY, 4, struct holder, 0);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 4, struct holder, 0);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 4, struct holder, 0);
MAP(locked_hash, BPF_MAP_TYPE_HASH, 4, struct locked, 0);
MAP(locked_array, BPF_MAP_TYPE_ARRAY, 4, struct locked, 0);

static void *(*const lookup_percpu)(void *map, const void *key, u32 cpu) = (void *)195;

u32 arg;
u32 last;

#define MINE(map) bpf_map_lookup_elem(&map, &key)
#define LAST(map) lookup_percpu(&map, &key, last)

#define PROGRAMS(map, which)                                                                                                  \
	SEC("xdp") int put_##map(void *ctx)                                                                            \
	{                                                                                                              \
		u32 key = arg;                                                                                         \
		struct holder *value = which(map);                                                                     \
		struct plain *object;                                                                                  \
                                                                                                                       \
		if (!value)                                                                                            \
			return 2;                                                                                      \
		object = obj_new(struct plain);                                                                        \
		if (!object)                                                                                           \
			return 3;                                                                                      \
		object = kptr_xchg(&value->kept, object);                                                              \
		if (object) {                                                                                          \
			obj_drop(object);                                                                              \
			return 1;                                                                                      \
		}                                                                                                      \
		return 0;                                                                                              \
	}

#define HAS(map)                                                                                                       \
	SEC("xdp") int has_##map(void *ctx)                                                                            \
	{                                                                                                              \
		u32 key = arg;                                                                                         \
		struct holder *value = bpf_map_lookup_elem(&map, &key);                                                \
                                                                                                                       \
		return value ? value->kept != NULL : 2;                                                                \
	}

#define HAS_PERCPU(map)                                                                                                \
	SEC("xdp") int has_##map(void *ctx)                                                                            \
	{                                                                                                              \
		u32 key = arg, held = 0;                                                                               \
                                                                                                                       \
		for (u32 cpu = 0; cpu < 64; cpu++) {                                                                   \
			struct holder *value = lookup_percpu(&map, &key, cpu);                                         \
                                                                                                                       \
			if (!value)                                                                                    \
				return cpu ? held : 2;                                                                 \
			if (value->kept)                                                                               \
				held = 1;                                                                              \
		}                                                                                                      \
		return held;                                                                                           \
	}

PROGRAMS(hash, MINE)
PROGRAMS(sparse, MINE)
PROGRAMS(lru, MINE)
PROGRAMS(array, MINE)
PROGRAMS(percpu_hash, LAST)
PROGRAMS(percpu_array, LAST)
HAS(hash)
HAS(sparse)
HAS(lru)
HAS(array)
HAS_PERCPU(percpu_hash)
HAS_PERCPU(percpu_array)

char LICENSE[] SEC("license") = "GPL";
