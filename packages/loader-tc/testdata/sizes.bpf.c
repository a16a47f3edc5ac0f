// One map of a struct bpf_elf_map of BPF_ELF_MAP_WORDS words.
#include "tc.h"

struct bpf_elf_map SEC("maps") sized = {
	.type = MAP_HASH,
	.size_key = 4,
	.size_value = 8,
	.max_elem = 16,
#if BPF_ELF_MAP_WORDS > 5
	.id = 9,
#endif
#if BPF_ELF_MAP_WORDS > 6
	.pinning = 5,
#endif
};

SEC("prog") int look(struct __sk_buff *skb)
{
	__u32 key = 1;

	return map_lookup(&sized, &key) ? 1 : 0;
}
