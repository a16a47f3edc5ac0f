// SPDX-License-Identifier: MIT
//
// Globals that live in an arena.
#include "bpf.h"

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
} arena SEC(".maps");

u64 __arena in_arena SEC(".addr_space.1") = 5;
u32 __arena next SEC(".addr_space.1") = 6;

SEC("syscall") int program(void *ctx)
{
	void *map = &arena;

	asm volatile("" : "+r"(map));
	in_arena += next;
	return 0;
}

char _license[] SEC("license") = "GPL";
