// SPDX-License-Identifier: MIT
//
// Refused: the context's fields are for reading.
#include "skep.bpf.h"

SEC("xdp")
int refused_context_write(struct xdp_md *ctx)
{
	ctx->ingress_ifindex = 1;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
