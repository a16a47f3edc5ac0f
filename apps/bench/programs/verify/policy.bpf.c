// SPDX-License-Identifier: MIT
//
// A chain of policies for a container's traffic: connection tracking, services with their addresses rewritten both ways, an
// identity for each peer by longest prefix, rules from the most exact to the widest, and events for whoever watches.
#include "verify.bpf.h"

#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
#define BPF_MAP_TYPE_LPM_TRIE 11

#define VERDICT_FORWARD 0
#define VERDICT_DROP 1
#define ETH_HLEN 14

struct tuple {
	be32 src;
	be32 dst;
	be16 sport;
	be16 dport;
	u8 protocol;
	u8 inbound;
	u16 pad;
};

struct track {
	u64 packets;
	u64 bytes;
	u32 lifetime;
	u16 rev_nat;
	u16 flags;
	u8 seen_rx;
	u8 seen_tx;
	u16 backend;
	u32 identity;
};

struct prefix {
	u32 bits;
	be32 address;
};

struct endpoint {
	u32 identity;
	u32 tunnel;
	u8 key;
	u8 pad[3];
};

struct service_key {
	be32 address;
	be16 port;
	u16 slot;
	u8 protocol;
	u8 scope;
	u16 pad;
};

struct service {
	u32 backend;
	u16 count;
	u16 rev_nat;
	u8 flags;
	u8 flags2;
	u16 pad;
};

struct backend {
	be32 address;
	be16 port;
	u8 protocol;
	u8 flags;
};

struct rule_key {
	u32 identity;
	be16 port;
	u8 protocol;
	u8 inbound;
};

struct rule {
	be16 proxy_port;
	u8 deny;
	u8 pad;
	u32 pad2;
	u64 packets;
	u64 bytes;
};

struct event {
	u8 type;
	u8 reason;
	u16 source;
	u32 length;
	u32 identity;
	u32 peer;
	struct tuple tuple;
};

#define MAP(name, kind, key_type, value_type, entries, flags)                  \
	struct {                                                               \
		__uint(type, kind);                                            \
		__type(key, key_type);                                         \
		__type(value, value_type);                                     \
		__uint(max_entries, entries);                                  \
		__uint(map_flags, flags_##flags);                              \
	} name SEC(".maps")
#define flags_none 0
#define flags_no_prealloc BPF_F_NO_PREALLOC

MAP(tracks, BPF_MAP_TYPE_LRU_HASH, struct tuple, struct track, 65536, none);
MAP(endpoints, BPF_MAP_TYPE_LPM_TRIE, struct prefix, struct endpoint, 16384, no_prealloc);
MAP(services, BPF_MAP_TYPE_HASH, struct service_key, struct service, 65536, no_prealloc);
MAP(backends, BPF_MAP_TYPE_HASH, u32, struct backend, 65536, no_prealloc);
MAP(reverse, BPF_MAP_TYPE_HASH, u16, struct backend, 65536, no_prealloc);
MAP(rules, BPF_MAP_TYPE_HASH, struct rule_key, struct rule, 16384, no_prealloc);
MAP(metrics, BPF_MAP_TYPE_PERCPU_HASH, u32, u64, 1024, none);

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 64);
} events SEC(".maps");

static __always_inline void note(u32 reason)
{
	u64 *counter = bpf_map_lookup_elem(&metrics, &reason);
	u64 one = 1;

	if (counter)
		*counter += 1;
	else
		bpf_map_update_elem(&metrics, &reason, &one, BPF_ANY);
}

static __always_inline int drop(struct __sk_buff *skb, const struct tuple *tuple, u32 identity, u32 peer, u8 reason)
{
	struct event event = {
		.type = VERDICT_DROP,
		.reason = reason,
		.length = skb->len,
		.identity = identity,
		.peer = peer,
		.tuple = *tuple,
	};

	bpf_perf_event_output(skb, &events, 0xffffffffULL, &event, sizeof(event));
	note(reason);
	return TC_ACT_SHOT;
}

// 0: allowed, 1: denied, 2: no rule.
static __always_inline int one_rule(struct __sk_buff *skb, u32 identity, be16 port, u8 protocol, u8 inbound, u16 *proxy)
{
	struct rule_key key = { .identity = identity, .port = port, .protocol = protocol, .inbound = inbound };
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (!rule)
		return 2;
	rule->packets++;
	rule->bytes += skb->len;
	if (rule->deny)
		return 1;
	if (rule->proxy_port)
		*proxy = rule->proxy_port;
	return 0;
}

static __always_inline int apply_rules(struct __sk_buff *skb, const struct tuple *tuple, u32 identity, u8 inbound, u16 *proxy)
{
	int found = one_rule(skb, identity, tuple->dport, tuple->protocol, inbound, proxy);

	if (found != 2)
		return found;
	found = one_rule(skb, 0, tuple->dport, tuple->protocol, inbound, proxy);
	if (found != 2)
		return found;
	found = one_rule(skb, identity, 0, tuple->protocol, inbound, proxy);
	if (found != 2)
		return found;
	found = one_rule(skb, 0, 0, tuple->protocol, inbound, proxy);
	if (found != 2)
		return found;
	found = one_rule(skb, identity, 0, 0, inbound, proxy);
	if (found != 2)
		return found;
	return one_rule(skb, 0, 0, 0, inbound, proxy) == 0 ? 0 : 1;
}

static __always_inline struct endpoint *peer_of(be32 address)
{
	struct prefix prefix = { .bits = 32, .address = address };

	return bpf_map_lookup_elem(&endpoints, &prefix);
}

static __always_inline int rewrite(struct __sk_buff *skb, int l4, u8 protocol, bool source, be32 old, be32 address, be16 old_port, be16 port)
{
	int ip_at = ETH_HLEN + (source ? 12 : 16);
	int sum_at = l4 + (protocol == IPPROTO_TCP ? 16 : 6);
	int port_at = l4 + (source ? 0 : 2);

	if (old != address) {
		s64 diff = bpf_csum_diff(&old, 4, &address, 4, 0);

		if (bpf_skb_store_bytes(skb, ip_at, &address, 4, 0) < 0)
			return -1;
		if (bpf_l3_csum_replace(skb, ETH_HLEN + 10, 0, diff, 0) < 0)
			return -1;
		if (bpf_l4_csum_replace(skb, sum_at, 0, diff, BPF_F_PSEUDO_HDR) < 0)
			return -1;
	}
	if (old_port != port && port) {
		if (bpf_l4_csum_replace(skb, sum_at, old_port, port, 2) < 0)
			return -1;
		if (bpf_skb_store_bytes(skb, port_at, &port, 2, 0) < 0)
			return -1;
	}
	return 0;
}

static __always_inline struct track *find_track(struct __sk_buff *skb, struct tuple *tuple, u8 tcp_flags, u8 inbound)
{
	struct track *track;

	tuple->inbound = inbound;
	track = bpf_map_lookup_elem(&tracks, tuple);
	if (!track)
		return NULL;
	track->packets++;
	track->bytes += skb->len;
	if (tuple->protocol == IPPROTO_TCP) {
		if (tcp_flags & (TCP_FIN | TCP_RST)) {
			track->lifetime = 10;
			if (inbound)
				track->flags |= 1;
			else
				track->flags |= 2;
		} else if (tcp_flags & TCP_SYN) {
			track->lifetime = 60;
			track->flags = 0;
		} else {
			track->lifetime = 21600;
		}
	} else {
		track->lifetime = 60;
	}
	if (inbound)
		track->seen_rx = 1;
	else
		track->seen_tx = 1;
	return track;
}

static __always_inline int choose_backend(struct __sk_buff *skb, struct tuple *tuple, int l4, u8 tcp_flags, u16 *rev_nat)
{
	struct service_key key = { .address = tuple->dst, .port = tuple->dport, .protocol = tuple->protocol };
	struct service *service = bpf_map_lookup_elem(&services, &key);
	struct backend *backend = NULL;
	struct track *track;
	be32 old = tuple->dst;
	be16 old_port = tuple->dport;
	u32 id;

	if (!service) {
		key.scope = 1;
		service = bpf_map_lookup_elem(&services, &key);
		if (!service)
			return 0;
	}
	if (service->count == 0)
		return -1;
	*rev_nat = service->rev_nat;
	track = find_track(skb, tuple, tcp_flags, 2);
	if (track) {
		id = track->backend;
		backend = bpf_map_lookup_elem(&backends, &id);
		if (!backend)
			bpf_map_delete_elem(&tracks, tuple);
	}
	if (!backend) {
		struct track fresh = { .lifetime = 60, .rev_nat = service->rev_nat };

		key.slot = bpf_get_prandom_u32() % service->count + 1;
		service = bpf_map_lookup_elem(&services, &key);
		if (!service)
			return -1;
		id = service->backend;
		backend = bpf_map_lookup_elem(&backends, &id);
		if (!backend)
			return -1;
		fresh.backend = id;
		if (bpf_map_update_elem(&tracks, tuple, &fresh, BPF_ANY) < 0)
			return -1;
	}
	tuple->dst = backend->address;
	if (backend->port)
		tuple->dport = backend->port;
	return rewrite(skb, l4, tuple->protocol, false, old, tuple->dst, old_port, tuple->dport);
}

static __always_inline int undo_service(struct __sk_buff *skb, struct tuple *tuple, int l4, u16 rev_nat)
{
	struct backend *front = bpf_map_lookup_elem(&reverse, &rev_nat);

	if (!front)
		return 0;
	return rewrite(skb, l4, tuple->protocol, true, tuple->src, front->address, tuple->sport, front->port);
}

static __always_inline int handle(struct __sk_buff *skb, u8 inbound)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tuple tuple = {};
	struct endpoint *peer;
	struct track *track;
	u32 identity = skb->mark >> 16, other = 2;
	u16 rev_nat = 0, proxy = 0;
	u8 tcp_flags = 0;
	int l4, allowed;

	if ((void *)(ip + 1) > end) {
		if (bpf_skb_pull_data(skb, sizeof(*eth) + sizeof(*ip)))
			return TC_ACT_SHOT;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		eth = data;
		ip = (void *)(eth + 1);
		if ((void *)(ip + 1) > end)
			return TC_ACT_SHOT;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	l4 = ETH_HLEN + ip->ihl * 4;
	tuple.src = ip->saddr;
	tuple.dst = ip->daddr;
	tuple.protocol = ip->protocol;
	if (tuple.protocol == IPPROTO_TCP || tuple.protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, l4, &tuple.sport, 4) < 0)
			return drop(skb, &tuple, identity, other, 1);
		if (tuple.protocol == IPPROTO_TCP && bpf_skb_load_bytes(skb, l4 + 13, &tcp_flags, 1) < 0)
			return drop(skb, &tuple, identity, other, 1);
	} else if (tuple.protocol != IPPROTO_ICMP) {
		return drop(skb, &tuple, identity, other, 2);
	}
	if (!inbound && choose_backend(skb, &tuple, l4, tcp_flags, &rev_nat) < 0)
		return drop(skb, &tuple, identity, other, 3);
	peer = peer_of(inbound ? tuple.src : tuple.dst);
	if (peer)
		other = peer->identity;
	track = find_track(skb, &tuple, tcp_flags, inbound);
	if (track) {
		if (track->rev_nat && undo_service(skb, &tuple, l4, track->rev_nat) < 0)
			return drop(skb, &tuple, identity, other, 4);
		if (track->identity != other)
			track->identity = other;
		note(VERDICT_FORWARD);
		return TC_ACT_OK;
	}
	allowed = apply_rules(skb, &tuple, other, inbound, &proxy);
	if (allowed != 0)
		return drop(skb, &tuple, identity, other, 5);
	struct track fresh = { .packets = 1, .bytes = skb->len, .lifetime = 60, .rev_nat = rev_nat, .identity = other };
	if (bpf_map_update_elem(&tracks, &tuple, &fresh, BPF_ANY) < 0)
		return drop(skb, &tuple, identity, other, 6);
	if (proxy) {
		skb->mark = 0x200 | ((u32)proxy << 16);
		note(7);
		return TC_ACT_OK;
	}
	if (peer && peer->tunnel) {
		skb->cb[0] = peer->tunnel;
		skb->cb[1] = peer->key;
	}
	note(VERDICT_FORWARD);
	return TC_ACT_OK;
}

SEC("tc")
int from_container(struct __sk_buff *skb)
{
	return handle(skb, 0);
}

SEC("tc")
int to_container(struct __sk_buff *skb)
{
	return handle(skb, 1);
}

char _license[] SEC("license") = "GPL";
