// SPDX-License-Identifier: MIT
//
// Kernel functions are for programs under the GPL.
#include "kfuncs.h"

SEC("tc") int section(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") int none(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "Proprietary";
