// SPDX-License-Identifier: MIT
//
// Prints the bytes of `object` as one of the kernel's types, into `text`, and a map's values into an iterator's file.
#include "skep.bpf.h"

struct btf_ptr {
	void *ptr;
	u32 type_id;
	u32 flags;
};

static long (*const bpf_snprintf_btf)(char *str, u32 str_size, struct btf_ptr *ptr, u32 btf_ptr_size,
				      u64 flags) = (void *)149;
static long (*const bpf_seq_printf_btf)(void *m, struct btf_ptr *ptr, u32 ptr_size, u64 flags) = (void *)150;

#define OBJECT 512
#define TEXT 8192

u8 object[OBJECT];
char text[TEXT];
u32 type_id;
u32 room;
u64 flags;
// Where the object is; 0 for `object`.
u64 address;
s64 result;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u8[OBJECT]);
} objects SEC(".maps");

struct bpf_iter_meta {
	void *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *map;
	u32 *key;
	u8 *value;
};

SEC("xdp") int print(void *ctx)
{
	struct btf_ptr ptr = { .ptr = address ? (void *)address : object, .type_id = type_id };
	u32 size = room;

	if (size < 1 || size > TEXT)
		return 1;
	result = bpf_snprintf_btf(text, size, &ptr, sizeof(ptr), flags);
	return 0;
}

SEC("xdp") int print_short(void *ctx)
{
	u64 half[2] = { (u64)object, type_id };

	result = bpf_snprintf_btf(text, TEXT, (void *)half, 8, flags);
	return 0;
}

SEC("iter/bpf_map_elem") int print_all(struct bpf_iter__bpf_map_elem *ctx)
{
	struct btf_ptr ptr = { .type_id = type_id };
	u8 *value = ctx->value;

	if (!value)
		return 0;
	ptr.ptr = value;
	result = bpf_seq_printf_btf(ctx->meta->seq, &ptr, sizeof(ptr), flags);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
