// SPDX-License-Identifier: MIT
//
// A cipher that one program makes and another uses: the packet's first bytes, encrypted and decrypted.
#include "skep.bpf.h"

#define __kptr __attribute__((btf_type_tag("kptr")))
#define __ksym __attribute__((section(".ksyms")))

struct bpf_dynptr {
	u64 opaque[2];
};

struct bpf_crypto_ctx {
	u32 siv_len;
};

struct bpf_crypto_params {
	char type[14];
	u8 reserved[2];
	char algo[128];
	u8 key[256];
	u32 key_len;
	u32 authsize;
};

extern struct bpf_crypto_ctx *bpf_crypto_ctx_create(const struct bpf_crypto_params *params, u32 params__sz,
						    int *err) __ksym;
extern struct bpf_crypto_ctx *bpf_crypto_ctx_acquire(struct bpf_crypto_ctx *ctx) __ksym;
extern void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx) __ksym;
extern int bpf_crypto_encrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
			      const struct bpf_dynptr *dst, const struct bpf_dynptr *siv) __ksym;
extern int bpf_crypto_decrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src,
			      const struct bpf_dynptr *dst, const struct bpf_dynptr *siv) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

static void *(*lookup)(void *map, const void *key) = (void *)1;
static void *(*kptr_xchg)(void *field, void *object) = (void *)194;
static long (*dynptr_from_mem)(void *data, u32 size, u64 flags, struct bpf_dynptr *ptr) = (void *)197;

struct held {
	struct bpf_crypto_ctx __kptr *ctx;
};

struct {
	__uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct held);
} ciphers SEC(".maps");

struct bpf_crypto_params params;
u32 size;
u32 room;
u32 iv_size;
u8 plain[64];
u8 sealed[64];
u8 opened[64];
u8 iv[16];
u8 iv_again[16];
int made;
int encrypted;
int decrypted;

SEC("syscall")
int make(void *context)
{
	struct bpf_crypto_ctx *ctx;
	struct held *held;
	u32 zero = 0;
	int error = 0;

	ctx = bpf_crypto_ctx_create(&params, sizeof(params), &error);
	made = error;
	if (!ctx)
		return 0;
	held = lookup(&ciphers, &zero);
	if (!held) {
		bpf_crypto_ctx_release(ctx);
		return 0;
	}
	ctx = kptr_xchg(&held->ctx, ctx);
	if (ctx)
		bpf_crypto_ctx_release(ctx);
	return 1;
}

SEC("tc")
int crypt(void *skb)
{
	struct bpf_dynptr from, to, vector, again, back;
	struct bpf_crypto_ctx *ctx;
	struct held *held;
	u32 zero = 0;
	u32 most = *(volatile u32 *)&size;
	u32 space = *(volatile u32 *)&room;
	u32 vectors = *(volatile u32 *)&iv_size;

	held = lookup(&ciphers, &zero);
	if (!held)
		return 1;
	ctx = held->ctx;
	if (!ctx)
		return 2;
	if (most > sizeof(plain) || space > sizeof(sealed) || vectors > sizeof(iv))
		return 3;
	dynptr_from_mem(plain, most, 0, &from);
	dynptr_from_mem(sealed, space, 0, &to);
	dynptr_from_mem(opened, space, 0, &back);
	dynptr_from_mem(iv, vectors, 0, &vector);
	dynptr_from_mem(iv_again, vectors, 0, &again);
	encrypted = bpf_crypto_encrypt(ctx, &from, &to, vectors ? &vector : 0);
	if (encrypted)
		return 0;
	dynptr_from_mem(sealed, most, 0, &from);
	decrypted = bpf_crypto_decrypt(ctx, &from, &back, vectors ? &again : 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
