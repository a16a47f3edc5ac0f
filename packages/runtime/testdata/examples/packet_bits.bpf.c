// SPDX-License-Identifier: MIT
//
// Loops by the kernel's own iterators, which the verifier walks once: over the bits of a packet's TCP flags, and over the
// numbers of its payload's bytes.
#include "examples.h"

struct bpf_iter_num {
	u64 opaque[1];
} __attribute__((aligned(8)));
struct bpf_iter_bits {
	u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *unsafe_ptr__ign, u32 nr_words) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;

// Packets with each flag, from FIN on.
u64 flags[8];
// Bytes of payloads, and those of them that are no ASCII.
u64 bytes;
u64 high;

SEC("xdp") int packet_bits(struct xdp_md *ctx)
{
	struct bpf_iter_bits bits;
	struct bpf_iter_num num;
	struct tcphdr *tcp;
	struct iphdr *ip;
	u8 *payload, *end;
	void *after;
	u64 word;
	int *n;

	ip = ipv4_of(ctx, &after);
	if (!ip)
		return XDP_PASS;
	tcp = tcp_of(ctx, ip, after);
	if (!tcp)
		return XDP_PASS;

	word = tcp->flags;
	bpf_iter_bits_new(&bits, &word, 1);
	while ((n = bpf_iter_bits_next(&bits))) {
		if (*n >= 0 && *n < 8)
			flags[*n]++;
	}
	bpf_iter_bits_destroy(&bits);

	payload = (u8 *)(tcp + 1);
	end = xdp_data_end(ctx);
	bpf_iter_num_new(&num, 0, 1024);
	while ((n = bpf_iter_num_next(&num))) {
		u32 at = *n;

		if (at >= 1024 || payload + at + 1 > end)
			break;
		bytes++;
		if (payload[at] & 0x80)
			high++;
	}
	bpf_iter_num_destroy(&num);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
