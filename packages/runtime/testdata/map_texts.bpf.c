// SPDX-License-Identifier: MIT
//
// Elements of maps as a text, and what the program makes of a value: of a per-CPU map, the values of two CPUs.
#include "skep.bpf.h"

static long (*const bpf_seq_printf)(void *m, const char *fmt, u32 fmt_size, const void *data, u32 data_len) =
	(void *)126;
static long (*const bpf_seq_write)(void *m, const void *data, u32 len) = (void *)127;

struct pair {
	u64 first;
	u64 second;
};

#define MAP(name, kind, value_type)                                                                                    \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__uint(max_entries, 4);                                                                                \
		__type(key, u32);                                                                                      \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")

MAP(array, BPF_MAP_TYPE_ARRAY, struct pair);
MAP(hash, BPF_MAP_TYPE_HASH, struct pair);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, struct pair);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, u64);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, u64);

struct bpf_iter_meta {
	void *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *map;
	u32 *key;
	struct pair *value;
};

SEC("iter/bpf_map_elem") int show(struct bpf_iter__bpf_map_elem *ctx)
{
	static const char line[] = "%llu: %llu %llu\n";
	static const char mark[] = "+ ";
	static const char end[] = "last %llu, a map: %llu\n";
	void *seq = ctx->meta->seq;
	struct pair *value = ctx->value;
	u32 *key = ctx->key;
	u64 numbers[3];

	if (!key || !value) {
		numbers[0] = ctx->meta->seq_num;
		numbers[1] = ctx->map != NULL;
		bpf_seq_printf(seq, end, sizeof(end), numbers, 16);
		return 0;
	}
	numbers[0] = *key;
	numbers[1] = value->first;
	numbers[2] = value->second;
	bpf_seq_write(seq, mark, sizeof(mark) - 1);
	bpf_seq_printf(seq, line, sizeof(line), numbers, sizeof(numbers));
	value->first += 100;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
