// SPDX-License-Identifier: MIT
//
// Sends what a socket gets, and what it sends, to another socket of a map: which one and with which flags the host says.
#include "skep.bpf.h"

static long (*const bpf_sk_redirect_map)(void *skb, void *map, u32 key, u64 flags) = (void *)52;
static long (*const bpf_msg_redirect_map)(void *msg, void *map, u32 key, u64 flags) = (void *)60;
static long (*const bpf_msg_redirect_hash)(void *msg, void *map, void *key, u64 flags) = (void *)71;
static long (*const bpf_sk_redirect_hash)(void *skb, void *map, void *key, u64 flags) = (void *)72;

struct {
	__uint(type, 15 /* BPF_MAP_TYPE_SOCKMAP */);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} by_index SEC(".maps");

struct {
	__uint(type, 18 /* BPF_MAP_TYPE_SOCKHASH */);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} by_key SEC(".maps");

u32 key;
u32 hashed;
u64 flags;
s64 result;
u64 runs;

SEC("sk_skb/stream_verdict") int on_receive(void *skb)
{
	u32 at = key;

	result = hashed ? bpf_sk_redirect_hash(skb, &by_key, &at, flags) :
			  bpf_sk_redirect_map(skb, &by_index, at, flags);
	runs++;
	return result;
}

SEC("sk_msg") int on_send(void *msg)
{
	u32 at = key;

	result = hashed ? bpf_msg_redirect_hash(msg, &by_key, &at, flags) :
			  bpf_msg_redirect_map(msg, &by_index, at, flags);
	runs++;
	return result;
}

char _license[] SEC("license") = "GPL";
