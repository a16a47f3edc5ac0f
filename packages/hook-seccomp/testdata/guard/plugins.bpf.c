// SPDX-License-Identifier: MIT
//
// What plugins of a host may do: read below folders that the host names, connect to ports that it names, and load Node's own
// modules. What they are refused is counted by plugin. The host itself may do anything.
#include "skep.bpf.h"
#include "guard.h"

struct folder {
	__u32 length;
	char path[252];
};

struct name {
	char text[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct folder);
} folders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct name);
	__type(value, __u32);
} refused SEC(".maps");

static int is_host(struct guard_event *event)
{
	return event->plugin[0] == 0;
}

static int refuse(struct guard_event *event, int verdict)
{
	struct name name;
	guard_plugin(event, &name, sizeof(name));
	__u32 one = 1;
	__u32 *count = bpf_map_lookup_elem(&refused, &name);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&refused, &name, &one, BPF_ANY);
	return verdict;
}

static int may_read(struct guard_event *event)
{
	for (__u32 n = 0; n < 4; n++) {
		__u32 key = n;
		struct folder *folder = bpf_map_lookup_elem(&folders, &key);
		if (!folder)
			return 0;
		__u32 length = folder->length;
		if (length > 0 && length <= sizeof(folder->path) && guard_within(event, folder->path, length))
			return 1;
	}
	return 0;
}

static int is_node_module(struct guard_event *event)
{
	const char *path = event->path;
	if (path + 5 > (const char *)event->path_end)
		return 0;
	return path[0] == 'n' && path[1] == 'o' && path[2] == 'd' && path[3] == 'e' && path[4] == ':';
}

SEC("guard")
int plugins(struct guard_event *event)
{
	if (is_host(event))
		return 0;
	switch (event->op) {
	case GUARD_FS_READ:
	case GUARD_FS_STAT:
	case GUARD_FS_LIST:
		return may_read(event) ? 0 : refuse(event, GUARD_EACCES);
	case GUARD_NET_CONNECT: {
		__u32 port = event->port;
		// 127.0.0.1 as it lies in memory.
		int local = event->family == 2 && *(__u32 *)event->address == 0x0100007f;
		return local && bpf_map_lookup_elem(&ports, &port) ? 0 : refuse(event, GUARD_EACCES);
	}
	case GUARD_DNS_LOOKUP:
		return 0;
	case GUARD_CODE_REQUIRE:
		return is_node_module(event) ? 0 : refuse(event, GUARD_EACCES);
	default:
		return refuse(event, GUARD_EPERM);
	}
}
