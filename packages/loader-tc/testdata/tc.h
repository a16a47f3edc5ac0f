// What the objects here need of Linux: types, helpers by number, and the two ways to define a map for tc.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PROG_ARRAY = 3, MAP_ARRAY_OF_MAPS = 12 };
enum { PIN_NONE = 0, PIN_OBJECT_NS = 1, PIN_GLOBAL_NS = 2 };
enum { ACT_UNSPEC = -1, ACT_OK = 0, ACT_SHOT = 2, ACT_REDIRECT = 7 };
enum { LIBBPF_PIN_BY_NAME = 1 };

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	__u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id;
	__u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	__u64 flow_keys, tstamp;
	__u32 wire_len, gso_segs;
	__u64 sk;
	__u32 gso_size;
};

// iproute2's map definition, as far as BPF_ELF_MAP_WORDS goes: 4 words first, 5 with flags, 6 id, 7 pinning, 9 all.
#ifndef BPF_ELF_MAP_WORDS
#define BPF_ELF_MAP_WORDS 9
#endif
struct bpf_elf_map {
	__u32 type, size_key, size_value, max_elem;
#if BPF_ELF_MAP_WORDS > 4
	__u32 flags;
#endif
#if BPF_ELF_MAP_WORDS > 5
	__u32 id;
#endif
#if BPF_ELF_MAP_WORDS > 6
	__u32 pinning;
#endif
#if BPF_ELF_MAP_WORDS > 7
	__u32 inner_id, inner_idx;
#endif
};

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*print)(const char *format, __u32 size, ...) = (void *)6;
static long (*tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
static long (*clone_redirect)(void *ctx, __u32 ifindex, __u64 flags) = (void *)13;
static long (*redirect)(__u32 ifindex, __u64 flags) = (void *)23;

#define say(text, ...) ({ char _text[] = text; print(_text, sizeof(_text), ##__VA_ARGS__); })
#define class(major, minor) (((major) << 16) | (minor))

char _license[] SEC("license") = "GPL";
