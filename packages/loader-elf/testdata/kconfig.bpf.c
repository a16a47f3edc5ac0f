// SPDX-License-Identifier: MIT
//
// Values of the kernel's configuration.
#include "bpf.h"

enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

extern u32 LINUX_KERNEL_VERSION __kconfig;
extern u64 LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern _Bool CONFIG_BPF __kconfig;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig;
extern u32 CONFIG_HZ __kconfig __weak;
extern short CONFIG_NEGATIVE __kconfig __weak;
extern char CONFIG_LETTER __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[8] __kconfig __weak;
extern u32 CONFIG_THAT_IS_NOT_THERE __kconfig __weak;

SEC("xdp") int program(struct xdp_md *ctx)
{
	u64 sum = LINUX_KERNEL_VERSION + LINUX_HAS_BPF_COOKIE + CONFIG_HZ + CONFIG_THAT_IS_NOT_THERE;

	if (CONFIG_BPF && CONFIG_BPF_SYSCALL == TRI_YES)
		sum += CONFIG_DEFAULT_HOSTNAME[1] + CONFIG_NEGATIVE + CONFIG_LETTER;
	return sum;
}

char _license[] SEC("license") = "GPL";
