#include "tc.h"

struct bpf_elf_map SEC("maps") inner = {
	.type = MAP_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.id = 42,
	.inner_idx = 0,
	.pinning = PIN_GLOBAL_NS,
};

struct bpf_elf_map SEC("maps") outer = {
	.type = MAP_ARRAY_OF_MAPS,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.inner_id = 42,
	.pinning = PIN_GLOBAL_NS,
};

#include "nested.h"
