// SPDX-License-Identifier: MIT
//
// Refuses plugins the operations that the host lists, with the errno that it gives, and keeps the last event that it saw.
#include "skep.bpf.h"
#include "guard.h"

struct seen {
	struct {
		__u32 op, flags, mode, uid, family, port, thread, path_len;
	} fields;
	__u8 address[16];
	char plugin[32];
	char path[256];
	__u32 detail_len;
	char detail[60];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __s32);
} listed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} last SEC(".maps");

SEC("guard")
int listed_only(struct guard_event *event)
{
	__u32 zero = 0;
	__u32 op = event->op;
	struct seen *seen = bpf_map_lookup_elem(&last, &zero);
	if (!seen || event->plugin[0] == 0)
		return 0;
	seen->fields.op = op;
	seen->fields.flags = event->flags;
	seen->fields.mode = event->mode;
	seen->fields.uid = event->uid;
	seen->fields.family = event->family;
	seen->fields.port = event->port;
	seen->fields.thread = event->thread;
	seen->fields.path_len = event->path_len;
	for (int n = 0; n < 2; n++)
		*(__u64 *)&seen->address[8 * n] = *(__u64 *)&event->address[8 * n];
	guard_plugin(event, seen->plugin, sizeof(seen->plugin));
	guard_path(event, seen->path, sizeof(seen->path));
	seen->detail_len = guard_detail(event, 0, seen->detail, sizeof(seen->detail));
	__s32 *verdict = bpf_map_lookup_elem(&listed, &op);
	if (!verdict || *verdict >= 0 || *verdict < -4095)
		return 0;
	return *verdict;
}
