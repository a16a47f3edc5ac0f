typedef unsigned int u32;

typedef unsigned short u16;

typedef unsigned char u8;

typedef _Bool bool;

typedef long long s64;

struct flow {
	u32 saddr;
	u32 daddr;
	u16 ports[2];
	u8 proto;
	char name[16];
	bool seen;
	s64 delta;
};

typedef unsigned long long u64;

enum color {
	RED = 0,
	GREEN = 5,
	BLUE = 6,
};

enum level {
	LOW = -2,
	HIGH = 7,
};

enum huge {
	SMALL = 1ULL,
	LARGE = 4294967296ULL,
};

enum deep {
	BOTTOM = -4294967296LL,
	TOP = 1LL,
};

enum tiny {
	A_BYTE = 0,
};

struct bits {
	u32 a: 3;
	u32 b: 7;
	int c: 5;
	long: 49;
	u64 wide: 40;
	u8 after;
	bool flag: 1;
	enum level level: 4;
};

struct packed {
	u8 first;
	u64 second;
	u16 third;
} __attribute__((packed));

struct gaps {
	u8 a;
	u64 b;
	u8 c;
	long: 64;
	u32 d;
	u8 e;
	long: 64;
	long: 64;
	long: 64;
};

struct with_anonymous {
	u32 kind;
	union {
		u32 v4;
		struct {
			u32 high;
			u32 low;
		};
		u8 v6[16];
	};
	struct {
		u16 x;
		u16 y;
	};
	union {
		float f;
		double d;
	} number;
};

struct tagged {
	int member;
};

struct empty {};

struct node;

struct all {
	enum color color;
	enum level level;
	enum huge huge;
	enum deep deep;
	enum tiny tiny;
	struct flow flow;
	struct bits bits;
	struct packed packed;
	long: 64;
	long: 64;
	long: 64;
	struct gaps gaps;
	struct with_anonymous anonymous;
	struct node *node;
	struct tagged tagged;
	struct empty empty;
	long: 64;
	long: 64;
};

struct list {
	struct node *head;
	struct list *next;
};

typedef int (*callback)(struct flow *, const char *, ...);

typedef void (*simple)(void);

struct opaque;

union closed;

struct node {
	struct list inside;
	volatile const char * const text;
	callback call;
	simple simples[3];
	int (* (*returns_function)(int))(long);
	u32 matrix[2][3];
	u32 *pointers[4];
	u32 (*to_array)[4];
	struct opaque *opaque;
	union closed *closed;
	u32 __attribute__((btf_type_tag("user"))) *tagged;
	void * restrict nothing;
	__int128 wide;
	unsigned char flexible[0];
};

