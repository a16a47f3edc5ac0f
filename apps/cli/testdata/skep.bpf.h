// SPDX-License-Identifier: MIT
//
// What the programs beside this file need of the kernel's interface, so that they compile with clang alone: types, the
// XDP context, network headers as they lie on the wire, map definitions, and helpers by their numbers.
// Names and numbers are those of Linux's uapi headers; a program written against libbpf's headers reads the same.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

// Network byte order: turn with bpf_ntohs and bpf_ntohl before calculating.
typedef u16 be16;
typedef u32 be32;

#define NULL ((void *)0)
#define bool _Bool
#define true 1
#define false 0

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(x) ((be16)__builtin_bswap16(x))
#define bpf_htonl(x) ((be32)__builtin_bswap32(x))
#else
#define bpf_htons(x) ((be16)(x))
#define bpf_htonl(x) ((be32)(x))
#endif
#define bpf_ntohs(x) ((u16)bpf_htons(x))
#define bpf_ntohl(x) ((u32)bpf_htonl(x))

// ---------------------------------------------------------------------------------------------------------------------
// XDP
// ---------------------------------------------------------------------------------------------------------------------

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP,
	XDP_PASS,
	XDP_TX,
	XDP_REDIRECT,
};

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

// The context's 32-bit fields hold pointers once the program is loaded.
#define xdp_data(ctx) ((void *)(long)(ctx)->data)
#define xdp_data_end(ctx) ((void *)(long)(ctx)->data_end)
#define xdp_data_meta(ctx) ((void *)(long)(ctx)->data_meta)

// ---------------------------------------------------------------------------------------------------------------------
// Network headers
// ---------------------------------------------------------------------------------------------------------------------

#define ETH_ALEN 6
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_NONE 59
#define IPPROTO_DSTOPTS 60

struct ethhdr {
	u8 h_dest[ETH_ALEN];
	u8 h_source[ETH_ALEN];
	be16 h_proto;
};

struct vlan_hdr {
	be16 h_vlan_TCI; // priority (3 bits), drop eligible (1), VLAN id (12)
	be16 h_vlan_encapsulated_proto;
};

struct iphdr {
	u8 ihl : 4; // in 32-bit words
	u8 version : 4;
	u8 tos;
	be16 tot_len;
	be16 id;
	be16 frag_off; // reserved, don't fragment, more fragments, then the offset in units of 8 bytes (13 bits)
	u8 ttl;
	u8 protocol;
	u16 check;
	be32 saddr;
	be32 daddr;
};

#define IP_OFFSET 0x1fff
#define IP_MF 0x2000

struct in6_addr {
	be32 s6_addr32[4];
};

struct ipv6hdr {
	u8 priority : 4;
	u8 version : 4;
	u8 flow_lbl[3];
	be16 payload_len; // of what follows these 40 bytes
	u8 nexthdr;
	u8 hop_limit;
	struct in6_addr saddr;
	struct in6_addr daddr;
};

struct ipv6_opt_hdr {
	u8 nexthdr;
	u8 hdrlen; // in units of 8 bytes, not counting the first 8
};

struct tcphdr {
	be16 source;
	be16 dest;
	be32 seq;
	be32 ack_seq;
	u8 res1 : 4;
	u8 doff : 4; // in 32-bit words
	u8 flags;
	be16 window;
	u16 check;
	be16 urg_ptr;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct udphdr {
	be16 source;
	be16 dest;
	be16 len;
	u16 check;
};

struct icmphdr {
	u8 type;
	u8 code;
	u16 checksum;
	be16 id;
	be16 sequence;
};

#define ICMP_ECHO 8
#define ICMPV6_ECHO_REQUEST 128

_Static_assert(sizeof(struct ethhdr) == 14, "struct ethhdr");
_Static_assert(sizeof(struct iphdr) == 20, "struct iphdr");
_Static_assert(sizeof(struct ipv6hdr) == 40, "struct ipv6hdr");
_Static_assert(sizeof(struct tcphdr) == 20, "struct tcphdr");

// ---------------------------------------------------------------------------------------------------------------------
// Maps
// ---------------------------------------------------------------------------------------------------------------------

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
};

enum {
	BPF_F_NO_PREALLOC = 1,
};

// A map is a variable in section ".maps" whose type says everything in BTF: numbers as array lengths, types as pointers.
#define __uint(name, number) int (*name)[number]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

// ---------------------------------------------------------------------------------------------------------------------
// Helpers
// ---------------------------------------------------------------------------------------------------------------------

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_trace_printk)(const char *fmt, u32 fmt_size, ...) = (void *)6;
static u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static long (*const bpf_tail_call)(void *ctx, void *prog_array_map, u32 index) = (void *)12;
static long (*const bpf_redirect)(u32 ifindex, u64 flags) = (void *)23;
static s64 (*const bpf_csum_diff)(be32 *from, u32 from_size, be32 *to, u32 to_size, u32 seed) = (void *)28;
static long (*const bpf_xdp_adjust_head)(struct xdp_md *ctx, int delta) = (void *)44;
static long (*const bpf_xdp_adjust_meta)(struct xdp_md *ctx, int delta) = (void *)54;
static long (*const bpf_xdp_adjust_tail)(struct xdp_md *ctx, int delta) = (void *)65;
static long (*const bpf_loop)(u32 nr_loops, void *callback_fn, void *callback_ctx, u64 flags) = (void *)181;
static long (*const bpf_xdp_load_bytes)(struct xdp_md *ctx, u32 offset, void *buf, u32 len) = (void *)189;
static long (*const bpf_xdp_store_bytes)(struct xdp_md *ctx, u32 offset, void *buf, u32 len) = (void *)190;

// At most three values, printed by the host (Linux: in trace_pipe). Needs a license that is compatible with the GPL.
#define bpf_printk(format, ...)                                                \
	({                                                                     \
		static const char fmt[] = format;                              \
		bpf_trace_printk(fmt, sizeof(fmt), ##__VA_ARGS__);             \
	})
