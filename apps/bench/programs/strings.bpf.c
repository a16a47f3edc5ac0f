// SPDX-License-Identifier: MIT
//
// Work on text in the payload, byte by byte: the length of the first word, its letters folded to lower case and hashed
// (FNV-1a), and a search for another word behind it.
#include "bench.bpf.h"

#define PAYLOAD (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr))
#define WORD 32
#define TEXT 192
// The word "skep", its letters as they come.
#define SKEP 0x736b6570

static __always_inline u8 lower(u8 letter)
{
	return letter >= 'A' && letter <= 'Z' ? letter | 0x20 : letter;
}

SEC("xdp")
int strings(struct xdp_md *ctx)
{
	u8 *end = xdp_data_end(ctx);
	u8 *text = xdp_data(ctx);
	u32 hash = 0x811c9dc5, found = 0, last = 0, length = 0;

	text += PAYLOAD;
	for (u32 i = 0; i < WORD; i++) {
		u8 letter;

		if (text + i + 1 > end)
			break;
		letter = text[i];
		if (letter == ' ')
			break;
		hash = (hash ^ lower(letter)) * 0x01000193;
		length++;
	}
	for (u32 i = 0; i < TEXT; i++) {
		if (text + i + 1 > end)
			break;
		last = last << 8 | lower(text[i]);
		if (last == SKEP) {
			found = i;
			break;
		}
	}
	return ((hash ^ (found << 8) ^ (length << 20)) & 0x7fffffff);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
