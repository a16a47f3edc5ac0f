// SPDX-License-Identifier: MIT
//
// What a program does with the pages of an arena: a list of steps, each with its result. Places are bytes from the
// arena's first page; a result that is an address is told as such a place + 1.
#include "skep.bpf.h"

#define __arena __attribute__((address_space(1)))
#define __ksym __attribute__((section(".ksyms")))

#define PAGE 4096
#define MOST 32

enum { ALLOC, ALLOC_AT, FREE, RESERVE, STORE, STORE_BYTE, LOAD, LOAD_SIGNED, FETCH_ADD, EXCHANGE, COMPARE };

struct {
	__uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
	__uint(map_flags, 1 << 10 /* BPF_F_MMAPABLE */);
	__uint(max_entries, 8);
} arena SEC(".maps");

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *at, u32 pages, int node, u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *at, u32 pages) __ksym;
extern int bpf_arena_reserve_pages(void *map, void __arena *at, u32 pages) __ksym;

struct step {
	u32 op;
	u32 place;
	u64 value;
};

struct step steps[MOST];
u64 results[MOST];
u32 count;
u64 base;

#define AT(type, place) ((type __arena *)(base + (place)))

static u64 placeOf(void __arena *page)
{
	u64 at = (u64)page;

	return at ? (u32)at - (u32)base + 1 : 0;
}

SEC("syscall") int run(void *ctx)
{
	base = (u64)bpf_arena_alloc_pages(&arena, NULL, 8, -1, 0);
	if (!base)
		return 1;
	bpf_arena_free_pages(&arena, (void __arena *)base, 8);
	for (u32 n = 0; n < MOST && n < count; n++) {
		u32 place = steps[n].place;
		u64 value = steps[n].value;
		u64 result = 0;

		switch (steps[n].op) {
		case ALLOC:
			result = placeOf(bpf_arena_alloc_pages(&arena, NULL, value, -1, 0));
			break;
		case ALLOC_AT:
			result = placeOf(bpf_arena_alloc_pages(&arena, AT(void, place), value, -1, 0));
			break;
		case FREE:
			bpf_arena_free_pages(&arena, AT(void, place), value);
			break;
		case RESERVE:
			result = bpf_arena_reserve_pages(&arena, AT(void, place), value);
			break;
		case STORE:
			*AT(volatile u64, place) = value;
			break;
		case STORE_BYTE:
			*AT(volatile u8, place) = 0x80;
			break;
		case LOAD:
			result = *AT(volatile u64, place);
			break;
		case LOAD_SIGNED:
			result = (s64)*AT(volatile s8, place);
			break;
		case FETCH_ADD:
			result = __sync_fetch_and_add(AT(u64, place), value);
			break;
		case EXCHANGE:
			result = __sync_lock_test_and_set(AT(u64, place), value);
			break;
		case COMPARE:
			result = __sync_val_compare_and_swap(AT(u64, place), 0, value);
			break;
		}
		results[n] = result;
	}
	bpf_arena_free_pages(&arena, (void __arena *)base, 8);
	return 0;
}

char _license[] SEC("license") = "GPL";
