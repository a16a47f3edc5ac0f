// SPDX-License-Identifier: MIT
//
// A profiler of an interpreter: follows the chain of frames in the traced process, reads names of functions and files into
// one record, strings behind each other at offsets that only their lengths tell, and sends it. Loops are unrolled.
#include "verify.bpf.h"

#ifndef FRAMES
#define FRAMES 60
#endif
#ifndef TAGS
#define TAGS 8
#endif
#define UNROLL _Pragma("clang loop unroll(full)")

#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
#define NAME 64
#define PAYLOAD (NAME * (TAGS + 2))

struct offsets {
	u64 thread_state;
	u64 first_frame;
	u64 previous;
	u64 code;
	u64 file;
	u64 name;
	u64 line;
	u64 tags;
};

struct tag {
	u16 length;
	u16 kind;
};

struct record {
	u32 pid;
	u32 tid;
	u32 depth;
	u32 length;
	s32 lines[FRAMES];
	u64 codes[FRAMES];
	struct tag tags[TAGS];
	char payload[PAYLOAD];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, struct offsets);
	__uint(max_entries, 128);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u64);
	__type(value, u32);
	__uint(max_entries, 10240);
} symbols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, u32);
	__type(value, struct record);
	__uint(max_entries, 1);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 64);
} samples SEC(".maps");

static __always_inline u64 read_pointer(u64 at)
{
	u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

static __always_inline u32 append(struct record *record, u32 length, int slot, u64 from)
{
	long got;

	if (length > PAYLOAD - NAME)
		return length;
	got = bpf_probe_read_user_str(&record->payload[length], NAME, (void *)from);
	if (got <= 0 || got > NAME)
		return length;
	record->tags[slot].length = got;
	return length + got;
}

SEC("raw_tracepoint/sched_switch")
int tracer(struct raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32, zero = 0, length = 0, depth = 0;
	struct offsets *offsets = bpf_map_lookup_elem(&processes, &pid);
	struct record *record;
	u64 frame, code, tags;

	if (!offsets)
		return 0;
	record = bpf_map_lookup_elem(&scratch, &zero);
	if (!record)
		return 0;
	record->pid = pid;
	record->tid = id;
	frame = read_pointer(read_pointer(offsets->thread_state) + offsets->first_frame);
	UNROLL for (int i = 0; i < FRAMES; i++) {
		u32 *symbol;
		s32 line = 0;

		if (!frame)
			break;
		code = read_pointer(frame + offsets->code);
		symbol = bpf_map_lookup_elem(&symbols, &code);
		if (symbol && *symbol != 0) {
			record->codes[i] = *symbol;
		} else {
			u32 fresh = bpf_get_prandom_u32();

			if (code == 0)
				break;
			bpf_map_update_elem(&symbols, &code, &fresh, BPF_NOEXIST);
			record->codes[i] = code;
		}
		bpf_probe_read_user(&line, sizeof(line), (void *)(frame + offsets->line));
		record->lines[i] = line;
		depth = i + 1;
		frame = read_pointer(frame + offsets->previous);
	}
	record->depth = depth;
	tags = read_pointer(offsets->tags);
	UNROLL for (int i = 0; i < TAGS; i++) {
		u64 tag = read_pointer(tags + i * 16);

		record->tags[i].kind = 0;
		if (!tag)
			continue;
		record->tags[i].kind = read_pointer(tags + i * 16 + 8);
		length = append(record, length, i, tag);
	}
	record->length = length;
	if (length > PAYLOAD)
		return 0;
	bpf_perf_event_output(ctx, &samples, 0xffffffffULL, record, sizeof(*record) - PAYLOAD + length);
	return 0;
}

char _license[] SEC("license") = "GPL";
