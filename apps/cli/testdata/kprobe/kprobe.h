/* Programs of type kprobe; made by skep gen header. */
/* SEC("uprobe.multi.s"), SEC("uretprobe.multi.s"), SEC("uprobe.session.s"), SEC("kprobe.multi"), SEC("kretprobe.multi"), SEC("kprobe.session"), SEC("uprobe.multi"), SEC("uretprobe.multi"), SEC("uprobe.session"), SEC("uprobe.s"), SEC("uretprobe.s"), SEC("usdt.s"), SEC("kprobe"), SEC("uprobe"), SEC("kretprobe"), SEC("uretprobe"), SEC("ksyscall"), SEC("kretsyscall"), SEC("usdt") */
#ifndef SKEP_KPROBE_H
#define SKEP_KPROBE_H

#include <linux/types.h>

struct pt_regs {
	__u64 r15;
	__u64 r14;
	__u64 r13;
	__u64 r12;
	__u64 bp;
	__u64 bx;
	__u64 r11;
	__u64 r10;
	__u64 r9;
	__u64 r8;
	__u64 ax;
	__u64 cx;
	__u64 dx;
	__u64 si;
	__u64 di;
	__u64 orig_ax;
	__u64 ip;
	__u64 cs;
	__u64 flags;
	__u64 sp;
	__u64 ss;
};
_Static_assert(sizeof(struct pt_regs) == 168, "layout");

#endif /* SKEP_KPROBE_H */
