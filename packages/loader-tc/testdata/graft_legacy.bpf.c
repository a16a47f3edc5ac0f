#include "tc.h"

struct bpf_elf_map SEC("maps") choice = {
	.type = MAP_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.id = 7,
	.pinning = PIN_GLOBAL_NS,
};

#include "graft.h"
