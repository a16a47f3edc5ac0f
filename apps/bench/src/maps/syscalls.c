// SPDX-License-Identifier: MIT
//
// Times bpf(2) on a map whose file descriptor is 3, from C: nothing but the system call and its arguments.
// usage: syscalls ENTRIES VALUE_BYTES KEY_BYTES; then lines "OPERATION COUNT" on standard input, each answered by the
// nanoseconds of one operation.
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FD 3
#define BATCH 4096

static __u32 entries, value_bytes, key_bytes, state = 1;
static char *value, *values, *keys, *scattered, *fresh;
static union bpf_attr attr;

static int call(int command, __u32 *key, void *out, __u64 flags)
{
	memset(&attr, 0, 32);
	attr.map_fd = FD;
	attr.key = (__u64)key;
	attr.value = (__u64)out;
	attr.flags = flags;
	return syscall(SYS_bpf, command, &attr, 32);
}

static __u32 next(void)
{
	state = state * 1664525 + 1013904223;
	return ((__u64)(state >> 8) * entries) >> 24;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

// A key of an LPM trie has its length first.
static void make_key(__u32 *key, __u32 n)
{
	if (key_bytes == 8) {
		key[0] = 32;
		key[1] = n;
	} else {
		key[0] = n;
	}
}

static int batch(int command, char *from, __u32 count)
{
	memset(&attr, 0, 56);
	attr.batch.keys = (__u64)from;
	attr.batch.values = (__u64)values;
	attr.batch.count = count;
	attr.batch.map_fd = FD;
	return syscall(SYS_bpf, command, &attr, 56);
}

static double run(const char *operation, long count)
{
	__u32 key[2] = {0, 0}, following[2];
	int known = 0;
	double start;
	long i;

	if (!strcmp(operation, "delete") || !strcmp(operation, "batch_delete"))
		for (i = 0; i < count; i++) {
			make_key(key, entries + i);
			call(BPF_MAP_UPDATE_ELEM, key, value, 0);
		}
	start = now();
	if (!strcmp(operation, "lookup"))
		for (i = 0; i < count; i++) {
			make_key(key, next());
			known += call(BPF_MAP_LOOKUP_ELEM, key, value, 0);
		}
	else if (!strcmp(operation, "update"))
		for (i = 0; i < count; i++) {
			make_key(key, next());
			known += call(BPF_MAP_UPDATE_ELEM, key, value, 0);
		}
	else if (!strcmp(operation, "insert"))
		for (i = 0; i < count; i++) {
			make_key(key, entries + i);
			known += call(BPF_MAP_UPDATE_ELEM, key, value, 0);
		}
	else if (!strcmp(operation, "delete"))
		for (i = 0; i < count; i++) {
			make_key(key, entries + i);
			known += call(BPF_MAP_DELETE_ELEM, key, 0, 0);
		}
	else if (!strcmp(operation, "push"))
		for (i = 0; i < count; i++) {
			known += call(BPF_MAP_UPDATE_ELEM, 0, value, 0);
			known += call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0, value, 0);
		}
	else if (!strcmp(operation, "member"))
		for (i = 0; i < count; i++) {
			*(__u64 *)value = next();
			known += call(BPF_MAP_UPDATE_ELEM, 0, value, 0);
			known += call(BPF_MAP_LOOKUP_ELEM, 0, value, 0);
		}
	else if (!strcmp(operation, "batch_update"))
		for (i = 0; i < count; i += BATCH)
			known += batch(BPF_MAP_UPDATE_BATCH, scattered, count - i < BATCH ? count - i : BATCH);
	else if (!strcmp(operation, "batch_delete"))
		known += batch(BPF_MAP_DELETE_BATCH, fresh, count);
	else if (!strcmp(operation, "iterate")) {
		__u32 *at = 0;

		for (i = 0; i < count; i++) {
			if (call(BPF_MAP_GET_NEXT_KEY, at, following, 0)) {
				at = 0;
				continue;
			}
			memcpy(key, following, sizeof(key));
			at = key;
			known += call(BPF_MAP_LOOKUP_ELEM, key, value, 0);
		}
	} else if (!strcmp(operation, "batch")) {
		__u64 token = 0;
		int more = 0;

		for (i = 0; i < count;) {
			memset(&attr, 0, 56);
			attr.batch.in_batch = more ? (__u64)&token : 0;
			attr.batch.out_batch = (__u64)&token;
			attr.batch.keys = (__u64)keys;
			attr.batch.values = (__u64)values;
			attr.batch.count = BATCH;
			attr.batch.map_fd = FD;
			more = syscall(SYS_bpf, BPF_MAP_LOOKUP_BATCH, &attr, 56) == 0;
			i += attr.batch.count ? attr.batch.count : 1;
		}
		count = i;
	}
	double ns = (now() - start) / count;
	if (!strcmp(operation, "insert"))
		for (i = 0; i < count; i++) {
			make_key(key, entries + i);
			call(BPF_MAP_DELETE_ELEM, key, 0, 0);
		}
	return known ? -1 : ns;
}

int main(int argc, char **argv)
{
	char operation[16];
	long count, i;

	if (argc != 4)
		return 2;
	entries = atoi(argv[1]);
	value_bytes = atoi(argv[2]);
	key_bytes = atoi(argv[3]);
	value = calloc(1, value_bytes);
	values = calloc(BATCH, value_bytes);
	keys = calloc(BATCH, key_bytes);
	scattered = calloc(BATCH, 8);
	fresh = calloc(BATCH, 8);
	for (i = 0; key_bytes && i < BATCH; i++) {
		make_key((__u32 *)(scattered + i * key_bytes), next());
		make_key((__u32 *)(fresh + i * key_bytes), entries + i);
	}
	state = 1;
	while (scanf("%15s %ld", operation, &count) == 2) {
		printf("%f\n", run(operation, count));
		fflush(stdout);
	}
	return 0;
}
