// SPDX-License-Identifier: MIT
//
// Addresses that a process gives to system calls: others in their place, and some refused.
#include "skep.bpf.h"

static long (*const bpf_bind)(void *ctx, void *addr, u32 addr_len) = (void *)64;
static long (*const bpf_set_retval)(int retval) = (void *)187;

struct bpf_sock {
	u32 bound_dev_if, family, type, protocol;
};

struct bpf_sock_addr {
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
	struct bpf_sock *sk;
};

struct sockaddr_in {
	u16 family;
	be16 port;
	u32 address;
	u8 zero[8];
};

#define SOCK_STREAM 1
#define SOCK_DGRAM 2

// By a port that is asked for, the port that is meant: 0 for nobody.
struct {
	__uint(type, 1 /* BPF_MAP_TYPE_HASH */);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} services SEC(".maps");

u32 calls;
u32 last_ip4;
u32 last_port;
u32 last_type;
u32 last_protocol;
u32 last_sk_family;
u32 loopback6;
s32 refusal;
u32 source_port;
u32 source_ip4;

static __always_inline void note(struct bpf_sock_addr *ctx)
{
	calls++;
	last_port = bpf_ntohs(ctx->user_port);
	last_type = ctx->type;
	last_protocol = ctx->protocol;
	if (ctx->sk)
		last_sk_family = ctx->sk->family;
}

// 0 where the port is nobody's; otherwise the context has the one that is meant.
static __always_inline int meant(struct bpf_sock_addr *ctx)
{
	u32 port = bpf_ntohs(ctx->user_port);
	u32 *service = bpf_map_lookup_elem(&services, &port);

	if (!service)
		return 1;
	if (*service == 0)
		return 0;
	ctx->user_port = bpf_htons(*service);
	return 1;
}

SEC("cgroup/connect4") int connect4(struct bpf_sock_addr *ctx)
{
	u32 port = bpf_ntohs(ctx->user_port);
	u32 *service = bpf_map_lookup_elem(&services, &port);

	note(ctx);
	last_ip4 = bpf_ntohl(ctx->user_ip4);
	if (!service)
		return 1;
	if (*service == 0) {
		if (refusal)
			bpf_set_retval(refusal);
		return 0;
	}
	ctx->user_ip4 = bpf_htonl(0x7f000001);
	ctx->user_port = bpf_htons(*service);
	return 1;
}

SEC("cgroup/connect6") int connect6(struct bpf_sock_addr *ctx)
{
	note(ctx);
	if (loopback6) {
		ctx->user_ip6[0] = 0;
		ctx->user_ip6[1] = 0;
		ctx->user_ip6[2] = 0;
		ctx->user_ip6[3] = bpf_htonl(1);
	}
	return meant(ctx);
}

SEC("cgroup/bind4") int bind4(struct bpf_sock_addr *ctx)
{
	note(ctx);
	last_ip4 = bpf_ntohl(ctx->user_ip4);
	return meant(ctx);
}

SEC("cgroup/sendmsg4") int sendmsg4(struct bpf_sock_addr *ctx)
{
	note(ctx);
	last_ip4 = bpf_ntohl(ctx->user_ip4);
	if (source_ip4)
		ctx->msg_src_ip4 = bpf_htonl(source_ip4);
	return meant(ctx);
}

SEC("cgroup/recvmsg4") int recvmsg4(struct bpf_sock_addr *ctx)
{
	note(ctx);
	meant(ctx);
	return 1;
}

SEC("cgroup/getpeername4") int getpeername4(struct bpf_sock_addr *ctx)
{
	note(ctx);
	meant(ctx);
	return 1;
}

// The connection comes from another address of the loopback device.
SEC("cgroup/connect4") int from(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in source = { .family = 2, .address = bpf_htonl(source_ip4) };

	if (bpf_bind(ctx, &source, sizeof(source)))
		return 0;
	return 1;
}

char _license[] SEC("license") = "GPL";
