// SPDX-License-Identifier: MIT
//
// Numbers and texts, and records that are made through dynptrs: what every call gives.
#include "skep.bpf.h"

struct bpf_dynptr {
	u64 opaque[2];
};

static long (*const bpf_strtol)(const char *buf, u64 buf_len, u64 flags, s64 *res) = (void *)105;
static long (*const bpf_strtoul)(const char *buf, u64 buf_len, u64 flags, u64 *res) = (void *)106;
static void *(*const bpf_ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_discard)(void *data, u64 flags) = (void *)133;
static u64 (*const bpf_ringbuf_query)(void *ringbuf, u64 flags) = (void *)134;
static long (*const bpf_snprintf)(char *str, u32 str_size, const char *fmt, u64 *data, u32 data_len) = (void *)165;
static long (*const bpf_strncmp)(const char *s1, u32 s1_sz, const char *s2) = (void *)182;
static long (*const bpf_ringbuf_reserve_dynptr)(void *ringbuf, u32 size, u64 flags,
						struct bpf_dynptr *ptr) = (void *)198;
static void (*const bpf_ringbuf_submit_dynptr)(struct bpf_dynptr *ptr, u64 flags) = (void *)199;
static void (*const bpf_ringbuf_discard_dynptr)(struct bpf_dynptr *ptr, u64 flags) = (void *)200;
static long (*const bpf_dynptr_write)(struct bpf_dynptr *dst, u32 offset, void *src, u32 len, u64 flags) = (void *)202;

struct {
	__uint(type, 27 /* BPF_MAP_TYPE_RINGBUF */);
	__uint(max_entries, 4096);
} ring SEC(".maps");

char input[16];
u64 flags;
s64 results[16];
s64 number;
u64 unsigned_number;
char text[64];

SEC("socket") int texts(void *ctx)
{
	static const char format[] = "%d|%05x|%s";
	static const char word[] = "12 ab";
	u64 arguments[3] = { (u64)-7, 0xbeef, (u64)input };

	results[0] = bpf_strtol(input, sizeof(input), flags, &number);
	results[1] = bpf_strtoul(input, sizeof(input), flags, &unsigned_number);
	results[2] = bpf_strncmp(input, sizeof(input), word);
	results[3] = bpf_strncmp(input, 2, word);
	results[4] = bpf_snprintf(text, sizeof(text), format, arguments, sizeof(arguments));
	results[5] = bpf_snprintf(text + 40, 8, format, arguments, sizeof(arguments));
	return 0;
}

SEC("xdp") int records(void *ctx)
{
	struct bpf_dynptr record;
	void *plain;

	results[0] = bpf_ringbuf_reserve_dynptr(&ring, 12, 0, &record);
	results[1] = bpf_dynptr_write(&record, 4, input, 8, 0);
	results[2] = bpf_dynptr_write(&record, 5, input, 8, 0);
	bpf_ringbuf_submit_dynptr(&record, 0);
	results[3] = bpf_ringbuf_query(&ring, 0);
	results[4] = bpf_ringbuf_reserve_dynptr(&ring, 100, 0, &record);
	bpf_ringbuf_discard_dynptr(&record, 1);
	results[5] = bpf_ringbuf_query(&ring, 0);
	results[6] = bpf_ringbuf_reserve_dynptr(&ring, 5000, 0, &record);
	bpf_ringbuf_submit_dynptr(&record, 0);
	results[7] = bpf_ringbuf_reserve_dynptr(&ring, 8, 7, &record);
	bpf_ringbuf_discard_dynptr(&record, 0);
	plain = bpf_ringbuf_reserve(&ring, 24, 0);
	if (plain)
		bpf_ringbuf_discard(plain, 2);
	results[8] = bpf_ringbuf_query(&ring, 1);
	results[9] = bpf_ringbuf_query(&ring, 2);
	results[10] = bpf_ringbuf_query(&ring, 3);
	results[11] = bpf_ringbuf_query(&ring, 9);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
