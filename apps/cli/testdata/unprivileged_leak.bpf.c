// SPDX-License-Identifier: MIT
//
// Refused to a loader without CAP_PERFMON: it stores a pointer in a map, where the host reads it as a number. Linux lets
// a loader with CAP_PERFMON do so.
#include "skep.bpf.h"

u64 leaked;

SEC("xdp")
int unprivileged_leak(struct xdp_md *ctx)
{
	leaked = (u64)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
