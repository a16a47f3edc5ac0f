// SPDX-License-Identifier: MIT
//
// Programs that do to a map what the packet says, and write what the helpers gave beside it. The maps' types and sizes are
// the loader's choice: keys have 8 bytes (of which a map may take the first 4), values 8.
#include "skep.bpf.h"

static void *(*lookup)(void *map, const void *key) = (void *)1;
static long (*update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*delete)(void *map, const void *key) = (void *)3;
static long (*push)(void *map, const void *value, u64 flags) = (void *)87;
static long (*pop)(void *map, void *value) = (void *)88;
static long (*peek)(void *map, void *value) = (void *)89;
static long (*for_each)(void *map, void *callback, void *context, u64 flags) = (void *)164;
static void *(*lookup_percpu)(void *map, const void *key, u32 cpu) = (void *)195;

#define MOST 32

struct step {
	u64 op;
	u64 flags;
	u64 key;
	u64 value;
	s64 result;
	u64 seen;
};

enum { LOOKUP, UPDATE, DELETE, ADD, SUM, OTHER };
enum { PUSH, POP, PEEK };

#define MAP(name)                                                                                                      \
	struct {                                                                                                       \
		__uint(type, 1 /* BPF_MAP_TYPE_HASH */);                                                               \
		__uint(max_entries, 4);                                                                                \
		__type(key, u64);                                                                                      \
		__type(value, u64);                                                                                    \
	} name SEC(".maps")

MAP(plain);
MAP(percpu);
MAP(queued);
MAP(filter);
MAP(outer);

struct sum {
	u64 count;
	u64 keys;
	u64 values;
};

static long add_up(void *map, const u32 *key, u64 *value, struct sum *sum)
{
	sum->count++;
	sum->keys += *key * 0x9e3779b97f4a7c15ull ^ *value;
	sum->values += *value;
	return 0;
}

static long sweep(void *map, const u32 *key, u64 *value, struct sum *sum)
{
	sum->values += *value;
	if (*key & 1)
		sum->count -= delete(map, key);
	return 0;
}

static __always_inline void element(void *map, struct step *step)
{
	u64 key = step->key, given = step->value;
	u64 *value;

	switch (step->op) {
	case LOOKUP:
		value = lookup(map, &key);
		step->result = value != 0;
		if (value)
			step->seen = *value;
		break;
	case UPDATE:
		step->result = update(map, &key, &given, step->flags);
		break;
	case DELETE:
		step->result = delete(map, &key);
		break;
	case ADD:
		value = lookup(map, &key);
		if (value)
			step->seen = *value += given;
		break;
	}
}

#define STEPS(ctx, step, body)                                                                                         \
	{                                                                                                              \
		void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;                              \
		for (u32 i = 0; i < MOST; i++) {                                                                       \
			struct step *step = data + i * sizeof(struct step);                                            \
			if ((void *)(step + 1) > end)                                                                  \
				break;                                                                                 \
			body                                                                                           \
		}                                                                                                      \
		return 1;                                                                                              \
	}

SEC("xdp") int elements(struct xdp_md *ctx)
STEPS(ctx, step, { element(&plain, step); })

SEC("xdp") int sums(struct xdp_md *ctx)
{
	struct sum sum = {};
	s64 result = for_each(&plain, add_up, &sum, 0);

	return result * 1000 + (sum.count ^ sum.keys ^ sum.values);
}

/* Deletes elements while it walks over them. */
SEC("xdp") int sweeps(struct xdp_md *ctx)
{
	struct sum sum = {};
	s64 result = for_each(&plain, sweep, &sum, 0);

	return result * 1000 + sum.count * 100 + sum.values;
}

SEC("xdp") int cpus(struct xdp_md *ctx)
STEPS(ctx, step, {
	struct sum sum = {};
	u64 key = step->key;

	if (step->op == SUM) {
		step->result = for_each(&percpu, add_up, &sum, step->flags);
		step->seen = sum.count ^ sum.keys ^ sum.values;
	} else if (step->op == OTHER) {
		u64 *value = lookup_percpu(&percpu, &key, step->value);

		step->result = value != 0;
		if (value)
			step->seen = *value;
	} else {
		element(&percpu, step);
	}
})

SEC("xdp") int queues(struct xdp_md *ctx)
STEPS(ctx, step, {
	u64 value = step->value;

	if (step->op == PUSH)
		step->result = push(&queued, &value, step->flags);
	else if (step->op == POP)
		step->result = pop(&queued, &value);
	else
		step->result = peek(&queued, &value);
	step->seen = value;
})

SEC("xdp") int filters(struct xdp_md *ctx)
STEPS(ctx, step, {
	u64 value = step->value;

	if (step->op == PUSH)
		step->result = push(&filter, &value, step->flags);
	else
		step->result = peek(&filter, &value);
})

SEC("xdp") int inner(struct xdp_md *ctx)
STEPS(ctx, step, {
	u64 key = step->flags >> 32;
	void *map = lookup(&outer, &key);

	step->flags &= 0xffffffff;
	if (map)
		element(map, step);
	else
		step->result = -1;
})

char _license[] SEC("license") = "GPL";
