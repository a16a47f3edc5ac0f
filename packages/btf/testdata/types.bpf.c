// One type of every kind that clang writes into BTF, and the layouts that are hard to print as C.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;
typedef _Bool bool;

#define SEC(name) __attribute__((section(name), used))
#define tag(text) __attribute__((btf_decl_tag(text)))
#define pointer_tag(text) __attribute__((btf_type_tag(text)))

enum color { RED, GREEN = 5, BLUE };
enum level { LOW = -2, HIGH = 7 };
enum huge { SMALL = 1, LARGE = 0x100000000ULL };
enum deep { BOTTOM = -0x100000000LL, TOP = 1 };
enum tiny { A_BYTE } __attribute__((mode(byte)));

struct opaque;
union closed;

struct flow {
	u32 saddr;
	u32 daddr;
	u16 ports[2];
	u8 proto;
	char name[16];
	bool seen;
	s64 delta;
};

struct bits {
	u32 a : 3;
	u32 b : 7;
	int c : 5;
	u32 : 0;
	u64 wide : 40;
	u8 after;
	bool flag : 1;
	enum level level : 4;
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
	u32 d __attribute__((aligned(16)));
	u8 e;
} __attribute__((aligned(64)));

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

typedef int (*callback)(struct flow *flow, const char *format, ...);
typedef void (*simple)(void);

struct node;
struct list {
	struct node *head;
	struct list *next;
};
struct node {
	struct list inside;
	const volatile char *const text;
	callback call;
	simple simples[3];
	int (*(*returns_function)(int))(long);
	u32 matrix[2][3];
	u32 *pointers[4];
	u32 (*to_array)[4];
	struct opaque *opaque;
	union closed *closed;
	u32 pointer_tag("user") *tagged;
	void *restrict nothing;
	__int128 wide;
	unsigned char flexible[];
};

struct tagged {
	int member tag("a member");
} tag("a struct");

struct empty {
};

struct all {
	enum color color;
	enum level level;
	enum huge huge;
	enum deep deep;
	enum tiny tiny;
	struct flow flow;
	struct bits bits;
	struct packed packed;
	struct gaps gaps;
	struct with_anonymous anonymous;
	struct node *node;
	struct tagged tagged;
	struct empty empty;
};

struct all everything;
struct node graph;
const volatile u64 constant = 7;
static volatile int hidden;

__attribute__((noinline)) static int twice(struct flow *flow tag("an argument"), int times)
{
	return times + (flow ? hidden : 0);
}

SEC("xdp") int program(void *context)
{
	return twice(&everything.flow, (long)context & 1);
}

char _license[] SEC("license") = "MIT";
