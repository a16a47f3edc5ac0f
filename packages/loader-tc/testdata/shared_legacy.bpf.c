#include "tc.h"

struct bpf_elf_map SEC("maps") counter = {
	.type = MAP_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 1,
	.pinning = PIN_OBJECT_NS,
};

#include "shared.h"
