// SPDX-License-Identifier: MIT
//
// A list in an arena, whose globals lie there too: program and host both follow its pointers.
#include "skep.bpf.h"

#define __arena __attribute__((address_space(1)))
#define __ksym __attribute__((section(".ksyms")))

struct {
	__uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
	__uint(map_flags, 1 << 10 /* BPF_F_MMAPABLE */);
	__uint(max_entries, 4);
} arena SEC(".maps");

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *at, u32 pages, int node, u64 flags) __ksym;

struct node {
	struct node __arena *next;
	u64 value;
};

struct node __arena *__arena head SEC(".addr_space.1");
u64 __arena step SEC(".addr_space.1") = 10;
u64 __arena room SEC(".addr_space.1");

// Puts as many nodes before the first as there is room for in a page.
SEC("syscall") int build(void *ctx)
{
	struct node __arena *node = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	if (!node)
		return 1;
	for (u32 n = 0; n < 4; n++) {
		node[n].value = step * (n + 1);
		node[n].next = head;
		head = &node[n];
	}
	room++;
	return 0;
}

SEC("syscall") int sum(void *ctx)
{
	struct node __arena *node = head;
	u64 total = 0;

	for (u32 n = 0; n < 100 && node; n++) {
		total += node->value;
		node = node->next;
	}
	return total;
}

char _license[] SEC("license") = "GPL";
