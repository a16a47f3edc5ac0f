// SPDX-License-Identifier: MIT
// What programs of tenants need besides their context: map definitions and the helpers that they may call, by number.
#pragma once
#include "http_request.h"

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
};
// Pinned by its name, a map is the same one in the next version of the program.
#define LIBBPF_PIN_BY_NAME 1

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
static long (*const bpf_loop)(__u32 rounds, void *function, void *context, __u64 flags) = (void *)181;

#define LICENSE(text) char _license[] SEC("license") = text
