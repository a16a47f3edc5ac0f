// SPDX-License-Identifier: MIT
//
// A program that names the function to run when it throws, and calls it nowhere.
#include "bpf.h"

extern void bpf_throw(u64 cookie) __ksym;

static __noinline int helped(u64 cookie)
{
	return cookie + 1;
}

__noinline int on_throw(u64 cookie)
{
	return helped(cookie);
}

SEC("tc") __decl_tag("exception_callback:on_throw") int program(void *ctx)
{
	bpf_throw(3);
	return 0;
}

char _license[] SEC("license") = "GPL";
