// SPDX-License-Identifier: MIT
//
// A layer-4 load balancer: finds the service of a packet's destination, chooses a server by the connection table or by a
// ring of hashes, and sends the packet there in another IP header. One body for both IP versions, inlined.
#include "verify.bpf.h"

#ifndef VLANS
#define VLANS 2
#endif
#ifndef EXTENSIONS
#define EXTENSIONS 3
#endif

#ifndef CANDIDATES
#define CANDIDATES 16
#endif

#define RING 65537
#define MAX_SERVICES 512
#define MAX_SERVERS 4096
#define NEW_PER_SECOND 125000

#define SERVICE_BY_PORT_ONLY 1
#define SERVICE_NO_TABLE 2
#define SERVICE_NO_SOURCE_PORT 4
#define SERVICE_FORCE_SPREAD 8
#define SERVICE_WEIGHED 16
#define SERVER_IPV6 1

struct flow {
	union {
		be32 src;
		be32 src6[4];
	};
	union {
		be32 dst;
		be32 dst6[4];
	};
	be16 ports[2];
	u8 protocol;
	u8 pad[3];
};

struct service_key {
	union {
		be32 address;
		be32 address6[4];
	};
	be16 port;
	u8 protocol;
	u8 pad;
};

struct service {
	u32 flags;
	u32 index;
};

struct server {
	union {
		be32 address;
		be32 address6[4];
	};
	u8 flags;
	u8 weight;
	u8 pad[2];
};

struct connection {
	u32 server;
	u32 pad;
	u64 seen;
};

struct counter {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct service_key);
	__type(value, struct service);
	__uint(max_entries, MAX_SERVICES);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct connection);
	__uint(max_entries, 100000);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, RING * 4);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct server);
	__uint(max_entries, MAX_SERVERS);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, u32);
	__type(value, struct counter);
	__uint(max_entries, MAX_SERVICES + 8);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct ethhdr);
	__uint(max_entries, 1);
} gateway SEC(".maps");

static __always_inline struct counter *count(u32 slot, u64 bytes)
{
	struct counter *counter = bpf_map_lookup_elem(&counters, &slot);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
	return counter;
}

static __always_inline u32 hash_of(const struct flow *flow, bool ipv6, bool by_source)
{
	u32 hash = 0x9747b28c;

	if (ipv6) {
		#pragma unroll
		for (int i = 0; i < 4; i++)
			hash = mix(hash, flow->src6[i]);
	} else {
		hash = mix(hash, flow->src);
	}
	if (!by_source)
		hash = mix(hash, ((u32)flow->ports[0] << 16) | flow->ports[1]);
	return finish(hash);
}

// ICMP errors belong to the flow whose packet they quote.
static __always_inline int parse_icmp(void *l4, void *end, struct flow *flow, u64 *at)
{
	struct icmphdr *icmp = l4;
	struct iphdr *inner = (void *)(icmp + 1);

	if ((void *)(inner + 1) > end)
		return XDP_DROP;
	if (icmp->type == ICMP_ECHO)
		return XDP_TX;
	if (icmp->type != 3)
		return XDP_PASS;
	if (inner->ihl != 5)
		return XDP_DROP;
	flow->protocol = inner->protocol;
	flow->src = inner->daddr;
	flow->dst = inner->saddr;
	*at += sizeof(*icmp) + sizeof(*inner);
	return -1;
}

static __always_inline int parse_ports(void *l4, void *end, struct flow *flow, bool quoted, bool *syn)
{
	if (flow->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if (quoted) {
			struct udphdr *ports = l4;

			if ((void *)(ports + 1) > end)
				return XDP_DROP;
			flow->ports[0] = ports->dest;
			flow->ports[1] = ports->source;
			return -1;
		}
		if ((void *)(tcp + 1) > end)
			return XDP_DROP;
		*syn = tcp->flags & TCP_SYN;
		flow->ports[0] = tcp->source;
		flow->ports[1] = tcp->dest;
		return -1;
	}
	if (flow->protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end)
			return XDP_DROP;
		flow->ports[0] = quoted ? udp->dest : udp->source;
		flow->ports[1] = quoted ? udp->source : udp->dest;
		return -1;
	}
	return XDP_PASS;
}

// Highest of the hashes of flow and server, each by its weight: no table, and few flows move when a server goes.
static __always_inline u32 weigh(u32 hash, u32 first)
{
	u64 best = 0;
	u32 chosen = first;

	_Pragma("clang loop unroll(disable)") for (u32 i = 0; i < CANDIDATES; i++) {
		u32 slot = first + i;
		struct server *server = bpf_map_lookup_elem(&servers, &slot);
		u64 score;

		if (!server)
			break;
		if (server->weight == 0)
			continue;
		score = (u64)mix(hash, slot) * server->weight;
		if (server->flags & SERVER_IPV6)
			score += mix(score, server->address6[3]) & 255;
		if (score > best) {
			best = score;
			chosen = slot;
		}
	}
	return chosen;
}

static __always_inline struct server *choose(struct flow *flow, struct service *service, bool ipv6, bool syn, u64 length)
{
	struct connection *known = NULL;
	struct connection fresh = {};
	bool tabled = !(service->flags & SERVICE_NO_TABLE);
	u64 now = bpf_ktime_get_ns();
	u32 slot;
	u32 *server;

	if (tabled && !(syn && flow->protocol == IPPROTO_TCP)) {
		known = bpf_map_lookup_elem(&connections, flow);
		if (known) {
			if (flow->protocol == IPPROTO_UDP && now - known->seen > 30000000000ULL)
				known = NULL;
			else
				known->seen = now;
		}
		if (known) {
			slot = known->server;
			return bpf_map_lookup_elem(&servers, &slot);
		}
		count(MAX_SERVICES + 2, length);
	}
	slot = hash_of(flow, ipv6, service->flags & SERVICE_NO_SOURCE_PORT);
	if (service->flags & SERVICE_WEIGHED) {
		slot = weigh(slot, service->index);
	} else {
		slot = slot % RING + RING * (service->index & 3);
		server = bpf_map_lookup_elem(&ring, &slot);
		if (!server)
			return NULL;
		slot = *server;
	}
	if (tabled) {
		struct counter *rate = count(MAX_SERVICES + 3, length);

		if (rate && rate->packets < NEW_PER_SECOND) {
			fresh.server = slot;
			fresh.seen = now;
			bpf_map_update_elem(&connections, flow, &fresh, BPF_ANY);
		}
	}
	return bpf_map_lookup_elem(&servers, &slot);
}

static __always_inline int encapsulate(struct xdp_md *ctx, struct server *server, const struct flow *flow, u16 length)
{
	u32 zero = 0;
	struct ethhdr *template = bpf_map_lookup_elem(&gateway, &zero);
	struct ethhdr *eth;
	bool ipv6 = server->flags & SERVER_IPV6;
	void *data, *end;

	if (!template)
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, ipv6 ? -(int)sizeof(struct ipv6hdr) : -(int)sizeof(struct iphdr)))
		return XDP_DROP;
	data = xdp_data(ctx);
	end = xdp_data_end(ctx);
	eth = data;
	if (ipv6) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		*eth = *template;
		eth->h_proto = bpf_htons(ETH_P_IPV6);
		*(u32 *)ip = bpf_htonl(0x60000000);
		ip->payload_len = bpf_htons(length);
		ip->nexthdr = IPPROTO_IPV6;
		ip->hop_limit = 64;
		ip->saddr.s6_addr32[0] = bpf_htonl(0x01000000);
		ip->saddr.s6_addr32[1] = 0;
		ip->saddr.s6_addr32[2] = 0;
		ip->saddr.s6_addr32[3] = flow->src ^ flow->ports[0];
		#pragma unroll
		for (int i = 0; i < 4; i++)
			ip->daddr.s6_addr32[i] = server->address6[i];
	} else {
		struct iphdr *ip = (void *)(eth + 1);
		u64 sum = 0;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		*eth = *template;
		eth->h_proto = bpf_htons(ETH_P_IP);
		*(u16 *)ip = bpf_htons(0x4500);
		ip->tot_len = bpf_htons(length + sizeof(*ip));
		ip->id = 0;
		ip->frag_off = 0;
		ip->ttl = 64;
		ip->protocol = IPPROTO_IPIP;
		ip->check = 0;
		ip->saddr = bpf_htonl(0xac100000) ^ flow->src ^ flow->ports[0];
		ip->daddr = server->address;
		#pragma unroll
		for (int i = 0; i < 10; i++)
			sum += ((u16 *)ip)[i];
		ip->check = fold(sum);
	}
	return XDP_TX;
}

static __always_inline int balance(struct xdp_md *ctx, u64 at, bool ipv6)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct flow flow = {};
	struct service_key key = {};
	struct service *service;
	struct server *server;
	bool syn = false, quoted = false;
	u16 length;
	int verdict;

	if (ipv6) {
		struct ipv6hdr *ip = data + at;
		u8 next;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			flow.src6[i] = ip->saddr.s6_addr32[i];
			flow.dst6[i] = ip->daddr.s6_addr32[i];
		}
		length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
		next = ip->nexthdr;
		at += sizeof(*ip);
		#pragma unroll
		for (int i = 0; i < EXTENSIONS; i++) {
			struct ipv6_opt_hdr *option = data + at;

			if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
				break;
			if ((void *)(option + 1) > end)
				return XDP_DROP;
			next = option->nexthdr;
			at += 8 + (option->hdrlen & 31) * 8;
		}
		if (next == IPPROTO_FRAGMENT)
			return XDP_DROP;
		flow.protocol = next;
	} else {
		struct iphdr *ip = data + at;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		if (ip->ihl != 5 || (ip->frag_off & bpf_htons(IP_OFFSET | IP_MF)))
			return XDP_DROP;
		flow.src = ip->saddr;
		flow.dst = ip->daddr;
		flow.protocol = ip->protocol;
		length = bpf_ntohs(ip->tot_len);
		at += sizeof(*ip);
		if (flow.protocol == IPPROTO_ICMP) {
			verdict = parse_icmp(data + at, end, &flow, &at);
			if (verdict >= 0)
				return verdict;
			quoted = true;
		}
	}
	verdict = parse_ports(data + at, end, &flow, quoted, &syn);
	if (verdict >= 0)
		return verdict;

	if (ipv6) {
		#pragma unroll
		for (int i = 0; i < 4; i++)
			key.address6[i] = flow.dst6[i];
	} else {
		key.address = flow.dst;
	}
	key.port = flow.ports[1];
	key.protocol = flow.protocol;
	service = bpf_map_lookup_elem(&services, &key);
	if (!service) {
		key.port = 0;
		service = bpf_map_lookup_elem(&services, &key);
		if (!service)
			return XDP_PASS;
		if (!(service->flags & SERVICE_BY_PORT_ONLY))
			flow.ports[1] = 0;
	}
	if (service->flags & SERVICE_FORCE_SPREAD)
		flow.ports[0] ^= (u16)bpf_get_prandom_u32();
	count(MAX_SERVICES, length);
	server = choose(&flow, service, ipv6, syn, length);
	if (!server)
		return XDP_DROP;
	count(service->index & (MAX_SERVICES - 1), length);
	return encapsulate(ctx, server, &flow, length);
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	void *data = xdp_data(ctx);
	void *end = xdp_data_end(ctx);
	struct ethhdr *eth = data;
	u64 at = sizeof(*eth);
	be16 protocol;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	protocol = eth->h_proto;
	#pragma unroll
	for (int i = 0; i < VLANS; i++) {
		struct vlan_hdr *vlan = data + at;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(vlan + 1) > end)
			return XDP_DROP;
		protocol = vlan->h_vlan_encapsulated_proto;
		at += sizeof(*vlan);
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return balance(ctx, at, false);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return balance(ctx, at, true);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
