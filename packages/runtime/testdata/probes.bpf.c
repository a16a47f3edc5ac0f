// SPDX-License-Identifier: MIT
//
// Probes of functions: what they see of a call goes into global variables.
#include "skep.bpf.h"

static long (*const bpf_probe_read_user_str)(void *dst, u32 size, const void *from) = (void *)114;
static long (*const bpf_probe_read_kernel)(void *dst, u32 size, const void *from) = (void *)113;
static long (*const bpf_get_stackid)(void *ctx, void *map, u64 flags) = (void *)27;
static u64 (*const bpf_get_func_ip)(void *ctx) = (void *)173;
static u64 (*const bpf_get_attach_cookie)(void *ctx) = (void *)174;
static long (*const skep_override_return)(void *regs, u64 rc) = (void *)0x10058;

extern bool bpf_session_is_return(void) __attribute__((section(".ksyms")));
extern u64 *bpf_session_cookie(void) __attribute__((section(".ksyms")));

struct pt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

struct perf_event {
	struct pt_regs regs;
	u64 sample_period;
	u64 addr;
};

#define FRAMES 127

struct {
	__uint(type, 7 /* BPF_MAP_TYPE_STACK_TRACE */);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, FRAMES * 8);
} stacks SEC(".maps");

u64 runs;
u64 seen[6];
u64 on_stack[6];
u64 count;
u64 receiver;
u64 result;
u64 threw;
u64 ip;
u64 func_ip;
u64 cookie;
u64 order;
s64 status;
s64 stack_id;
s64 limit;
u64 period;
char text[64];

SEC("kprobe") int see(struct pt_regs *ctx)
{
	runs++;
	seen[0] = ctx->di;
	seen[1] = ctx->si;
	seen[2] = ctx->dx;
	seen[3] = ctx->cx;
	seen[4] = ctx->r8;
	seen[5] = ctx->r9;
	count = ctx->ax;
	receiver = ctx->r10;
	ip = ctx->ip;
	func_ip = bpf_get_func_ip(ctx);
	cookie = bpf_get_attach_cookie(ctx);
	order = order * 10 + cookie;
	status = bpf_probe_read_kernel(on_stack, sizeof(on_stack), (void *)(ctx->sp + 8));
	return 0;
}

SEC("kprobe") int read_text(struct pt_regs *ctx)
{
	status = bpf_probe_read_user_str(text, sizeof(text), (void *)ctx->di);
	return 0;
}

SEC("kprobe") int read_bytes(struct pt_regs *ctx)
{
	status = bpf_probe_read_kernel(text, 8, (void *)ctx->di);
	return 0;
}

SEC("kretprobe") int returned(struct pt_regs *ctx)
{
	runs++;
	result = ctx->ax;
	threw = ctx->flags & 1;
	cookie = bpf_get_attach_cookie(ctx);
	order = order * 10 + cookie;
	return 0;
}

SEC("kprobe.multi") int many(struct pt_regs *ctx)
{
	runs++;
	func_ip = bpf_get_func_ip(ctx);
	cookie = bpf_get_attach_cookie(ctx);
	order = order * 10 + cookie;
	return 0;
}

// Its return fires for arguments below `limit`, and gets the argument by the session's cookie.
SEC("kprobe.session") int around(struct pt_regs *ctx)
{
	u64 *kept = bpf_session_cookie();

	runs++;
	if (bpf_session_is_return()) {
		order = order * 100 + *kept;
		result = ctx->ax;
		return 0;
	}
	*kept = ctx->di;
	return (s64)ctx->di >= limit;
}

SEC("kprobe") int trace(struct pt_regs *ctx)
{
	stack_id = bpf_get_stackid(ctx, &stacks, 0);
	return 0;
}

SEC("kprobe") int instead(struct pt_regs *ctx)
{
	if ((s64)ctx->di < 0)
		skep_override_return(ctx, -22);
	return 0;
}

SEC("kprobe") int speak(struct pt_regs *ctx)
{
	runs++;
	bpf_printk("called");
	return 0;
}

SEC("usdt") int event(struct pt_regs *ctx)
{
	runs++;
	seen[0] = ctx->di;
	status = bpf_probe_read_user_str(text, sizeof(text), (void *)ctx->si);
	return 0;
}

SEC("raw_tp") int raw_event(u64 *args)
{
	runs++;
	seen[0] = args[0];
	seen[1] = args[1];
	cookie = bpf_get_attach_cookie(args);
	return 0;
}

SEC("tp") int record(u8 *args)
{
	runs++;
	seen[0] = *(u64 *)(args + 8);
	seen[1] = *(u64 *)(args + 16);
	return 0;
}

SEC("perf_event") int sample(struct perf_event *ctx)
{
	runs++;
	ip = ctx->regs.ip;
	period = ctx->sample_period;
	stack_id = bpf_get_stackid(ctx, &stacks, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
