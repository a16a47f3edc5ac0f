// SPDX-License-Identifier: MIT
//
// The types that core.bpf.c is relocated against.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct inner {
	int z;
	int y;
	int x;
};

struct moved {
	u64 before;
	struct inner inner;
	union {
		struct {
			u8 padding[4];
			u32 in_union;
		};
		u64 other;
	};
	u32 first;
	struct inner many[8];
	u64 more;
	u8 flexible[];
};

struct sizes {
	u64 grows;
	u32 shrinks;
	long long signed_grows;
	u16 numbers[4];
	void *pointer;
};

struct bits {
	u32 before : 5;
	u32 a : 9;
	int b : 4;
	u32 between;
	u64 c : 20;
	u16 d;
};

struct lost {
	char *before;
	u32 stays;
	u32 changes;
};

struct flavoured {
	u16 before;
	u32 new_name;
};

typedef struct {
	u64 b;
	u32 a;
} named_by_typedef;

typedef u32 (*function)(u32 a, struct inner *b);

enum states { BEFORE, OFF, ON };
enum wide { ZEROTH, FIRST, HUGE = 0x900000000ULL };
enum renamed { RENAMED = 33 };

struct matching {
	u64 more;
	u32 a;
	struct inner *pointer;
};
struct differing {
	u64 a;
};

struct all {
	struct moved *moved;
	struct sizes sizes;
	struct bits bits;
	struct lost lost;
	struct flavoured flavoured;
	named_by_typedef named;
	function function;
	enum states states;
	enum wide wide;
	enum renamed renamed;
	struct matching matching;
	struct differing differing;
} all;
struct moved moved;
