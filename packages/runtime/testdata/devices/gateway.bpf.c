// SPDX-License-Identifier: MIT
//
// What stands between a client and a server: a firewall (XDP), a forwarder that rewrites addresses and ports in both
// directions (tc ingress), and a shaper with a token bucket for each class (tc egress). Hosts fill `rules`, `sides`,
// `services` and `buckets`; the programs count in all maps.
#include "skep.bpf.h"

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define BPF_F_PSEUDO_HDR (1 << 4)
#define BPF_F_MARK_MANGLED_0 (1 << 5)
#define atomic_add(where, what) __sync_fetch_and_add(&(where), what)

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 fields[16];
	u32 data;
	u32 data_end;
};
_Static_assert(__builtin_offsetof(struct __sk_buff, data) == 76, "struct __sk_buff");

static long (*const bpf_skb_store_bytes)(struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags) =
	(void *)9;
static long (*const bpf_l3_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 size) = (void *)10;
static long (*const bpf_l4_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) = (void *)11;

struct count {
	u64 packets;
	u64 bytes;
};

static __always_inline void add(struct count *count, u64 bytes)
{
	atomic_add(count->packets, 1);
	atomic_add(count->bytes, bytes);
}

// ---------------------------------------------------------------------------------------------------------------------
// Firewall
// ---------------------------------------------------------------------------------------------------------------------

// What is refused: a port of a protocol from anybody (address 0), or all of an address (port and protocol 0).
struct rule {
	be32 address;
	be16 port;
	u8 protocol;
	u8 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct rule);
	__type(value, struct count);
} rules SEC(".maps");

enum { ICMP, TCP, UDP, OTHER_IP, NOT_IP, FRAGMENT, KINDS };

// What passed the firewall, by kind.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KINDS);
	__type(key, u32);
	__type(value, struct count);
} passed SEC(".maps");

static __always_inline bool refused(be32 address, be16 port, u8 protocol, u64 bytes)
{
	struct rule rule = { address, port, protocol, 0 };
	struct count *count = bpf_map_lookup_elem(&rules, &rule);

	if (!count)
		return false;
	add(count, bytes);
	return true;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	u64 bytes = end - data;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct count *count;
	u32 kind = OTHER_IP;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) {
		kind = NOT_IP;
	} else if (ip->ihl != 5) {
		return XDP_DROP;
	} else if (ip->frag_off & bpf_htons(IP_OFFSET | IP_MF)) {
		kind = FRAGMENT;
	} else {
		struct udphdr *ports = (void *)(ip + 1);

		if (refused(ip->saddr, 0, 0, bytes))
			return XDP_DROP;
		if (ip->protocol == IPPROTO_ICMP)
			kind = ICMP;
		if (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) {
			kind = ip->protocol == IPPROTO_TCP ? TCP : UDP;
			if ((void *)(ports + 1) > end || refused(0, ports->dest, ip->protocol, bytes))
				return XDP_DROP;
		}
	}
	count = bpf_map_lookup_elem(&passed, &kind);
	if (count)
		add(count, bytes);
	return XDP_PASS;
}

// ---------------------------------------------------------------------------------------------------------------------
// Forwarder
// ---------------------------------------------------------------------------------------------------------------------

// Where packets leave for the server (0) and for the client (1): the interface, the frame's addresses, and the address
// that stands for the other side there.
struct side {
	u32 ifindex;
	be32 address;
	u8 destination[ETH_ALEN];
	u8 source[ETH_ALEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct side);
} sides SEC(".maps");

// A port that clients see; 0 for echo requests.
struct service {
	be16 port;
	u8 protocol;
	u8 zero;
};

struct target {
	be32 address;
	be16 port;
	u16 class;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct service);
	__type(value, struct target);
} services SEC(".maps");

// A conversation as the server sees it: the client's port, or the identifier of its echo requests.
struct flow {
	be16 client_port;
	be16 server_port;
	u8 protocol;
	u8 zero[3];
};

struct state {
	be32 client;
	be16 service_port;
	u16 zero;
	struct count out;
	struct count in;
	// TCP's first sequence number, and how far what the server sent reaches behind its own.
	u32 server_first;
	u32 server_reached;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, struct state);
} flows SEC(".maps");

// Packets of nobody: without a service, or a flow.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct count);
} strangers SEC(".maps");

#define IP_AT sizeof(struct ethhdr)
#define L4_AT (IP_AT + sizeof(struct iphdr))
#define IP_FIELD(field) (IP_AT + __builtin_offsetof(struct iphdr, field))

struct packet {
	u8 protocol;
	u8 ttl;
	be32 saddr;
	be32 daddr;
	be16 source;
	be16 dest;
	// TCP's.
	u32 seq;
	u32 length;
	u8 flags;
};

static __always_inline bool parse(struct __sk_buff *skb, struct packet *packet)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + IP_AT;
	struct icmphdr *icmp = data + L4_AT;
	struct udphdr *udp = data + L4_AT;
	struct tcphdr *tcp = data + L4_AT;

	if ((void *)(icmp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return false;
	packet->protocol = ip->protocol;
	packet->ttl = ip->ttl;
	packet->saddr = ip->saddr;
	packet->daddr = ip->daddr;
	switch (ip->protocol) {
	case IPPROTO_ICMP:
		if ((icmp->type != ICMP_ECHO && icmp->type != 0) || ip->frag_off & bpf_htons(IP_OFFSET | IP_MF))
			return false;
		// The identifier stands for the port of whoever asks.
		packet->source = icmp->type == ICMP_ECHO ? icmp->id : 0;
		packet->dest = icmp->type == ICMP_ECHO ? 0 : icmp->id;
		return true;
	case IPPROTO_UDP:
		packet->source = udp->source;
		packet->dest = udp->dest;
		return true;
	case IPPROTO_TCP:
		if ((void *)(tcp + 1) > end)
			return false;
		packet->source = tcp->source;
		packet->dest = tcp->dest;
		packet->seq = bpf_ntohl(tcp->seq);
		packet->flags = tcp->flags;
		packet->length = bpf_ntohs(ip->tot_len) - sizeof(*ip) - tcp->doff * 4;
		return true;
	}
	return false;
}

static __always_inline int check_at(u8 protocol)
{
	return L4_AT + (protocol == IPPROTO_TCP ? __builtin_offsetof(struct tcphdr, check) :
						  __builtin_offsetof(struct udphdr, check));
}

static __always_inline void put_address(struct __sk_buff *skb, u8 protocol, u32 at, be32 from, be32 to)
{
	u64 flags = BPF_F_PSEUDO_HDR | sizeof(to) | (protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);

	if (protocol != IPPROTO_ICMP)
		bpf_l4_csum_replace(skb, check_at(protocol), from, to, flags);
	bpf_l3_csum_replace(skb, IP_FIELD(check), from, to, sizeof(to));
	bpf_skb_store_bytes(skb, at, &to, sizeof(to), 0);
}

static __always_inline void put_port(struct __sk_buff *skb, u8 protocol, u32 at, be16 from, be16 to)
{
	u64 flags = sizeof(to) | (protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);

	if (protocol == IPPROTO_ICMP)
		return;
	bpf_l4_csum_replace(skb, check_at(protocol), from, to, flags);
	bpf_skb_store_bytes(skb, at, &to, sizeof(to), 0);
}

// Takes one from the time to live, and sends the packet out of a side.
static __always_inline int leave(struct __sk_buff *skb, const struct packet *packet, struct side *side)
{
	u8 ttl = packet->ttl - 1;

	bpf_l3_csum_replace(skb, IP_FIELD(check), packet->ttl, ttl, 2);
	bpf_skb_store_bytes(skb, IP_FIELD(ttl), &ttl, sizeof(ttl), 0);
	bpf_skb_store_bytes(skb, 0, side->destination, 2 * ETH_ALEN, 0);
	return bpf_redirect(side->ifindex, 0);
}

static __always_inline int stranger(struct __sk_buff *skb, u32 side)
{
	struct count *count = bpf_map_lookup_elem(&strangers, &side);

	if (count)
		add(count, skb->len);
	return TC_ACT_SHOT;
}

SEC("tc")
int to_server(struct __sk_buff *skb)
{
	u32 index = 0;
	struct packet packet = {};
	struct side *side = bpf_map_lookup_elem(&sides, &index);
	struct target *target = NULL;
	struct flow flow = {};
	struct state *state;

	if (!side || !parse(skb, &packet) || packet.ttl <= 1)
		return stranger(skb, index);

	struct service service = { packet.dest, packet.protocol, 0 };

	target = bpf_map_lookup_elem(&services, &service);
	if (!target)
		return stranger(skb, index);
	flow.client_port = packet.source;
	flow.server_port = target->port;
	flow.protocol = packet.protocol;
	state = bpf_map_lookup_elem(&flows, &flow);
	if (!state) {
		struct state first = { .client = packet.saddr, .service_port = packet.dest };

		bpf_map_update_elem(&flows, &flow, &first, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&flows, &flow);
		if (!state)
			return TC_ACT_SHOT;
	}
	add(&state->out, skb->len);
	skb->mark = target->class;
	put_address(skb, packet.protocol, IP_FIELD(saddr), packet.saddr, side->address);
	put_address(skb, packet.protocol, IP_FIELD(daddr), packet.daddr, target->address);
	put_port(skb, packet.protocol, L4_AT + 2, packet.dest, target->port);
	return leave(skb, &packet, side);
}

SEC("tc")
int to_client(struct __sk_buff *skb)
{
	u32 index = 1;
	struct packet packet = {};
	struct side *side = bpf_map_lookup_elem(&sides, &index);
	struct flow flow = {};
	struct state *state;

	if (!side || !parse(skb, &packet) || packet.ttl <= 1)
		return stranger(skb, index);
	flow.client_port = packet.dest;
	flow.server_port = packet.source;
	flow.protocol = packet.protocol;
	state = bpf_map_lookup_elem(&flows, &flow);
	if (!state)
		return stranger(skb, index);
	add(&state->in, skb->len);
	if (packet.protocol == IPPROTO_TCP) {
		u32 reached = packet.seq + packet.length + (packet.flags & TCP_FIN ? 1 : 0);

		if (packet.flags & TCP_SYN)
			state->server_first = packet.seq;
		else if ((s32)(reached - state->server_first - state->server_reached) > 0)
			state->server_reached = reached - state->server_first;
	}
	put_address(skb, packet.protocol, IP_FIELD(saddr), packet.saddr, side->address);
	put_address(skb, packet.protocol, IP_FIELD(daddr), packet.daddr, state->client);
	put_port(skb, packet.protocol, L4_AT, packet.source, state->service_port);
	return leave(skb, &packet, side);
}

// ---------------------------------------------------------------------------------------------------------------------
// Shaper
// ---------------------------------------------------------------------------------------------------------------------

// A token is a byte. Without a rate, the tokens that there are must do.
struct bucket {
	u64 rate; // in bytes per second
	u64 burst;
	u64 tokens;
	u64 filled; // when, in nanoseconds
	struct count passed;
	struct count dropped;
	u64 first; // when its first and last packet came
	u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

#define SECOND 1000000000ULL

SEC("tc")
int shaper(struct __sk_buff *skb)
{
	u32 class = skb->mark;
	u64 length = skb->len;
	u64 now = bpf_ktime_get_ns();
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &class);

	if (!bucket)
		return TC_ACT_OK;
	if (!bucket->first)
		bucket->first = bucket->filled = now;
	bucket->last = now;
	if (bucket->rate) {
		// What is less than a byte waits for the next packet.
		u64 more = (now - bucket->filled) * bucket->rate / SECOND;

		bucket->filled += more * SECOND / bucket->rate;
		bucket->tokens += more;
		if (bucket->tokens > bucket->burst)
			bucket->tokens = bucket->burst;
	}
	if (bucket->tokens < length) {
		add(&bucket->dropped, length);
		return TC_ACT_SHOT;
	}
	bucket->tokens -= length;
	add(&bucket->passed, length);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
