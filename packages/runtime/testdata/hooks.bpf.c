// SPDX-License-Identifier: MIT
//
// One program for each hook that both Skep and the kernel run, over maps of every common kind.
#include "skep.bpf.h"

enum {
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_RINGBUF = 27,
};

#define CLOCK_MONOTONIC 1
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define BPF_OK 0
#define BPF_DROP 2

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan_tci;
	u32 vlan_proto;
	u32 priority;
	u32 ingress_ifindex;
	u32 ifindex;
	u32 tc_index;
	u32 cb[5];
	u32 hash;
	u32 tc_classid;
	u32 data;
	u32 data_end;
};

struct bpf_raw_tracepoint_args {
	u64 args[2];
};

static long (*const bpf_skb_store_bytes)(void *skb, u32 offset, const void *from, u32 len, u64 flags) = (void *)9;
static long (*const bpf_l3_csum_replace)(void *skb, u32 offset, u64 from, u64 to, u64 size) = (void *)10;
static long (*const bpf_skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;
static long (*const bpf_map_push_elem)(void *map, const void *value, u64 flags) = (void *)87;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, u64 size, u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*const bpf_timer_start)(struct bpf_timer *timer, u64 nsecs, u64 flags) = (void *)171;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, be32);
	__type(value, u64);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, be32);
	__type(value, u32);
} sources SEC(".maps");

struct prefix {
	u32 bits;
	be32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16);
	__type(key, struct prefix);
	__type(value, u32);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__type(value, be32);
} refused SEC(".maps");

struct event {
	be32 from;
	u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, be16);
	__type(value, u64);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, be32);
	__array(values, struct inner);
} services SEC(".maps");

struct waiting {
	u64 fired;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct waiting);
} alarms SEC(".maps");

const volatile u32 least_ttl = 1;
u64 packets;
u64 bytes;

static __always_inline void count(u32 protocol)
{
	u64 *value = bpf_map_lookup_elem(&protocols, &protocol);

	if (value)
		*value += 1;
}

// Counts, tells of sources that are new, drops what is blocked, and lowers the TTL of the rest.
SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct event *event;
	struct prefix prefix;
	u32 *seen, *rule, once = 1;
	u64 *hits;

	if ((void *)(ip + 1) > xdp_data_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	packets++;
	bytes += ctx->data_end - ctx->data;
	count(ip->protocol);
	hits = bpf_map_lookup_elem(&blocked, &ip->saddr);
	if (hits) {
		*hits += 1;
		bpf_map_push_elem(&refused, &ip->saddr, 0);
		return XDP_DROP;
	}
	seen = bpf_map_lookup_elem(&sources, &ip->saddr);
	if (seen) {
		*seen += 1;
	} else {
		bpf_map_update_elem(&sources, &ip->saddr, &once, BPF_ANY);
		event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
		if (event) {
			event->from = ip->saddr;
			event->length = ctx->data_end - ctx->data;
			bpf_ringbuf_submit(event, 0);
		}
	}
	prefix.bits = 32;
	prefix.address = ip->saddr;
	rule = bpf_map_lookup_elem(&prefixes, &prefix);
	if (rule)
		return *rule;
	if (ip->ttl <= least_ttl)
		return XDP_ABORTED;
	ip->ttl--;
	ip->check = 0;
	return XDP_PASS;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(u32));
	__array(values, int(struct xdp_md *));
} stages SEC(".maps") = { .values = { [1] = (void *)&firewall } };

SEC("xdp")
int dispatch(struct xdp_md *ctx)
{
	u8 *data = xdp_data(ctx);

	if ((void *)(data + 6) > xdp_data_end(ctx))
		return XDP_DROP;
	bpf_tail_call(ctx, &stages, data[5]);
	return XDP_TX;
}

// Counts by destination address and port: each address has a map of its own.
SEC("xdp")
int service(struct xdp_md *ctx)
{
	struct ethhdr *eth = xdp_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	void *map;
	u64 *hits;

	if ((void *)(udp + 1) > xdp_data_end(ctx) || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	map = bpf_map_lookup_elem(&services, &ip->daddr);
	if (!map)
		return XDP_DROP;
	hits = bpf_map_lookup_elem(map, &udp->dest);
	if (!hits)
		return XDP_DROP;
	*hits += 1;
	return XDP_PASS;
}

static int on_alarm(void *map, u32 *key, struct waiting *value)
{
	value->fired += 1;
	return 0;
}

SEC("xdp")
int alarm(struct xdp_md *ctx)
{
	u32 zero = 0;
	struct waiting *waiting = bpf_map_lookup_elem(&alarms, &zero);

	if (!waiting)
		return XDP_ABORTED;
	bpf_timer_init(&waiting->timer, &alarms, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&waiting->timer, on_alarm);
	return bpf_timer_start(&waiting->timer, 1000000, 0) == 0 ? XDP_PASS : XDP_ABORTED;
}

static int on_step(u32 n, u64 *sum)
{
	*sum += n;
	return 0;
}

SEC("xdp")
int loops(struct xdp_md *ctx)
{
	u64 sum = 0;

	bpf_loop(100, on_step, &sum, 0);
	packets += sum;
	return XDP_PASS;
}

// Rewrites the type of service, and drops what is marked.
SEC("tc")
int shaper(struct __sk_buff *skb)
{
	struct iphdr ip;
	u8 tos = 0xb8;

	packets++;
	bytes += skb->len;
	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip)) < 0)
		return TC_ACT_OK;
	count(ip.protocol);
	if (bpf_map_lookup_elem(&blocked, &ip.saddr))
		return TC_ACT_SHOT;
	bpf_l3_csum_replace(skb, sizeof(struct ethhdr) + 10, bpf_htons(0x4500 | ip.tos), bpf_htons(0x4500 | tos), 2);
	bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + 1, &tos, 1, 0);
	skb->mark = ip.protocol;
	skb->priority = 7;
	skb->cb[0] = skb->len;
	return TC_ACT_OK;
}

// Keeps the first bytes of datagrams, none of those from the blocked.
SEC("socket")
int trim(struct __sk_buff *skb)
{
	u8 first;

	packets++;
	bytes += skb->len;
	if (bpf_skb_load_bytes(skb, 0, &first, 1) < 0)
		return 0;
	count(first);
	return first & 1 ? 0 : 20;
}

SEC("cgroup_skb/egress")
int budget(struct __sk_buff *skb)
{
	packets++;
	bytes += skb->len;
	count(skb->protocol & 0xff);
	return bytes <= 200;
}

SEC("action")
int mark(struct __sk_buff *skb)
{
	packets++;
	bytes += skb->len;
	skb->mark = skb->len;
	return skb->len > 60 ? TC_ACT_SHOT : TC_ACT_OK;
}

// Of lightweight tunnels: what comes in, goes out, and is sent on.
static __always_inline int pass(struct __sk_buff *skb)
{
	u8 first;

	packets++;
	bytes += skb->len;
	if (bpf_skb_load_bytes(skb, 0, &first, 1) < 0)
		return BPF_DROP;
	count(first);
	return first & 1 ? BPF_DROP : BPF_OK;
}

SEC("lwt_in")
int tunnel_in(struct __sk_buff *skb)
{
	return pass(skb);
}

SEC("lwt_out")
int tunnel_out(struct __sk_buff *skb)
{
	return pass(skb);
}

SEC("lwt_xmit")
int tunnel_xmit(struct __sk_buff *skb)
{
	skb->mark = 7;
	return pass(skb);
}

struct flow_keys {
	u16 nhoff;
	u16 thoff;
	u16 addr_proto;
	u8 is_frag;
	u8 is_first_frag;
	u8 is_encap;
	u8 ip_proto;
	be16 n_proto;
	be16 sport;
	be16 dport;
};

struct flow_skb {
	u32 others[36];
	struct flow_keys *flow_keys;
};

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	struct flow_keys *keys = ((struct flow_skb *)skb)->flow_keys;
	u8 *header = (void *)(long)skb->data + 14;

	packets++;
	if (keys->n_proto != bpf_htons(0x0800) || header + 24 > (u8 *)(long)skb->data_end)
		return BPF_DROP;
	keys->ip_proto = header[9];
	keys->thoff += 4 * (header[0] & 15);
	keys->sport = header[20] | header[21] << 8;
	keys->dport = header[22] | header[23] << 8;
	count(keys->ip_proto);
	return BPF_OK;
}

struct request {
	u64 number;
	u64 answer;
};

SEC("syscall")
int called(struct request *request)
{
	packets++;
	bytes += request->number;
	request->answer = request->number * 3;
	return request->number > 100 ? -22 : 0;
}

SEC("raw_tp")
int traced(struct bpf_raw_tracepoint_args *ctx)
{
	struct event event = { .from = (be32)ctx->args[0], .length = (u32)ctx->args[1] };

	packets++;
	bytes += ctx->args[1];
	return bpf_ringbuf_output(&events, &event, sizeof(event), 0);
}

// The kernel's own test runs end there, and nothing else does.
SEC("raw_tp/bpf_test_finish")
int finished(struct bpf_raw_tracepoint_args *ctx)
{
	packets++;
	return 0;
}

SEC("tracepoint/bpf_test_run/bpf_test_finish")
int finished_too(void *ctx)
{
	packets++;
	return 0;
}

SEC("uprobe")
int started(void *ctx)
{
	packets++;
	return 0;
}

SEC("perf_event")
int ticked(void *ctx)
{
	packets++;
	return 0;
}

char _license[] SEC("license") = "GPL";
