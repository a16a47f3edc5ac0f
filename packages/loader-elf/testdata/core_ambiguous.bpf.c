// SPDX-License-Identifier: MIT
//
// A struct of which Linux has several, each compressor its own, with a member at different places.
#include "bpf.h"
#include "core.h"

struct workspace {
	char *buf;
} core;

volatile u64 sink;

SEC("xdp") int ambiguous(void *ctx)
{
	struct workspace *workspace = ctx;

	sink = (u64)workspace->buf;
	return 0;
}

char _license[] SEC("license") = "GPL";
