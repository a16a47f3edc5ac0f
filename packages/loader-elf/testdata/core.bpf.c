// SPDX-License-Identifier: MIT
//
// Every kind of CO-RE relocation, against the types of core_kernel.c: what moved, grew, went, or differs by flavour.
#include "bpf.h"
#include "core.h"

struct inner {
	int x;
	int y;
} core;

struct moved {
	u32 first;
	struct inner inner;
	struct inner many[4];
	union {
		u32 in_union;
		u64 other;
	};
	u8 flexible[];
} core;

struct sizes {
	u32 grows;
	u64 shrinks;
	int signed_grows;
	void *pointer;
	u16 numbers[4];
} core;

struct bits {
	u32 a : 3;
	int b : 7;
	u32 c : 20;
	short d;
} core;

struct lost {
	u32 stays;
	u32 goes;
	char *changes;
} core;

struct nowhere {
	int a;
} core;

// Two flavours of one struct.
struct flavoured___old {
	u32 old_name;
} core;
struct flavoured___new {
	u32 new_name;
} core;

typedef struct {
	u32 a;
	u64 b;
} core named_by_typedef;

typedef u32 (*function)(u32 a, struct inner *b);
typedef u64 number;

enum states { OFF, ON = 1, GONE = 2 };
enum wide { FIRST = 1, HUGE = 0x500000000ULL };
enum renamed___flavour { RENAMED___flavour = 3 };

struct matching {
	u32 a;
	struct inner *pointer;
} core;
struct differing {
	u32 a;
} core;

volatile u64 sink;

SEC("xdp") int fields(void *ctx)
{
	struct moved *moved = ctx;
	struct sizes *sizes = ctx;
	named_by_typedef *named = ctx;
	u64 sum = moved->first + moved->inner.y + moved->many[2].x + moved->in_union;

	sum += moved[1].inner.x;
	sum += moved->flexible[3];
	sum += sizes->grows;
	sum += sizes->shrinks;
	sum += (u64)sizes->pointer;
	sum += sizes->numbers[1];
	sum += named->b;
	sink = sum;
	sink = (u64)&moved->many[1];
	moved->first = 5;
	moved->inner.y = sum;
	sink = field_info(moved->many, BYTE_SIZE) + field_info(moved->first, BYTE_OFFSET);
	sink = field_info(moved->many[1], BYTE_SIZE);
	return 0;
}

SEC("xdp") int bitfields(void *ctx)
{
	struct bits *bits = ctx;

	sink = field_info(bits->a, BYTE_OFFSET) + field_info(bits->a, BYTE_SIZE);
	sink = field_info(bits->a, LSHIFT) + field_info(bits->a, RSHIFT);
	sink = field_info(bits->b, LSHIFT) + field_info(bits->b, RSHIFT);
	sink = field_info(bits->b, SIGNED) + field_info(bits->a, SIGNED) + field_info(bits->d, SIGNED);
	sink = field_info(bits->c, BYTE_OFFSET) + field_info(bits->c, BYTE_SIZE);
	sink = field_info(bits->c, LSHIFT) + field_info(bits->c, RSHIFT) + field_info(bits->d, LSHIFT);
	return 0;
}

SEC("xdp") int absent(void *ctx)
{
	struct lost *lost = ctx;
	struct nowhere *nowhere = ctx;
	struct sizes *sizes = ctx;
	struct flavoured___old *old = ctx;
	struct flavoured___new *new = ctx;
	u64 sum = lost->stays;

	if (field_info(lost->goes, EXISTS))
		sum += lost->goes;
	if (field_info(lost->changes, EXISTS))
		sum += (u64)lost->changes;
	if (field_info(nowhere->a, EXISTS))
		sum += nowhere->a;
	if (field_info(old->old_name, EXISTS))
		sum += old->old_name;
	else
		sum += new->new_name;
	sum += field_info(lost->stays, EXISTS);
	// An int that became a long: loading it would lose its sign.
	sum += sizes->signed_grows;
	sink = sum + type_info(struct nowhere, TYPE_SIZE);
	return 0;
}

SEC("xdp") int types(void *ctx)
{
	sink = type_id(struct moved, LOCAL);
	sink = type_id(struct moved, TARGET);
	sink = type_id(struct nowhere, TARGET);
	sink = type_info(struct moved, TYPE_EXISTS) + type_info(struct nowhere, TYPE_EXISTS);
	sink = type_info(function, TYPE_EXISTS) + type_info(number, TYPE_EXISTS) + type_info(named_by_typedef, TYPE_SIZE);
	sink = type_info(struct moved, TYPE_SIZE) + type_info(struct sizes, TYPE_SIZE) + type_info(enum wide, TYPE_SIZE);
	sink = type_info(struct matching, TYPE_MATCHES) + type_info(struct differing, TYPE_MATCHES);
	sink = type_info(enum states, TYPE_MATCHES) + type_info(enum wide, TYPE_MATCHES) + type_info(function, TYPE_MATCHES);
	return 0;
}

SEC("xdp") int values(void *ctx)
{
	sink = enum_value(enum states, ON, VALUE);
	sink = enum_value(enum states, GONE, VALUE_EXISTS) + enum_value(enum states, ON, VALUE_EXISTS);
	sink = enum_value(enum states, GONE, VALUE);
	sink = enum_value(enum wide, HUGE, VALUE);
	sink = enum_value(enum wide, FIRST, VALUE_EXISTS);
	sink = enum_value(enum renamed___flavour, RENAMED___flavour, VALUE);
	return 0;
}

static __noinline int in_text(struct moved *moved)
{
	return moved->inner.y;
}

SEC("xdp") int called(void *ctx)
{
	return in_text(ctx) + in_text(ctx + 8);
}

char _license[] SEC("license") = "GPL";
