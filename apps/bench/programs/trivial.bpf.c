// SPDX-License-Identifier: MIT
//
// The least that an XDP program can do: what is timed is the way in and out.
#include "skep.bpf.h"

SEC("xdp")
int trivial(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
