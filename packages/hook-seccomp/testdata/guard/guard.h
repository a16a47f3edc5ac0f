/* Programs of type guard; made by skep gen header. */
/* SEC("guard") */
#ifndef SKEP_GUARD_H
#define SKEP_GUARD_H

#include <linux/types.h>

struct guard_event {
	__u32 op;
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 family;
	__u32 port;
	__u32 thread;
	__u32 path_len;
	union {
		void *path;
		__u64 :64;
	} __attribute__((aligned(8)));
	union {
		void *path_end;
		__u64 :64;
	} __attribute__((aligned(8)));
	__u8 plugin[32];
	__u8 address[16];
	__u64 reserved;
};
_Static_assert(__builtin_offsetof(struct guard_event, op) == 0, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, flags) == 4, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, mode) == 8, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, uid) == 12, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, family) == 16, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, port) == 20, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, thread) == 24, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, path_len) == 28, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, path) == 32, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, path_end) == 40, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, plugin) == 48, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, address) == 80, "layout");
_Static_assert(__builtin_offsetof(struct guard_event, reserved) == 96, "layout");
_Static_assert(sizeof(struct guard_event) == 104, "layout");

enum guard_verdict {
	GUARD_ALLOW = 0,
	GUARD_EPERM = -1,
	GUARD_EACCES = -13,
};

enum guard_constant {
	GUARD_FS_READ = 0x101,
	GUARD_FS_WRITE = 0x102,
	GUARD_FS_STAT = 0x103,
	GUARD_FS_LIST = 0x104,
	GUARD_FS_READLINK = 0x105,
	GUARD_FS_MKDIR = 0x106,
	GUARD_FS_REMOVE = 0x107,
	GUARD_FS_RENAME = 0x108,
	GUARD_FS_LINK = 0x109,
	GUARD_FS_SYMLINK = 0x10a,
	GUARD_FS_CHMOD = 0x10b,
	GUARD_FS_CHOWN = 0x10c,
	GUARD_FS_UTIMES = 0x10d,
	GUARD_FS_WATCH = 0x10e,
	GUARD_NET_CONNECT = 0x201,
	GUARD_NET_LISTEN = 0x202,
	GUARD_UDP_BIND = 0x203,
	GUARD_UDP_SEND = 0x204,
	GUARD_DNS_LOOKUP = 0x301,
	GUARD_DNS_RESOLVE = 0x302,
	GUARD_DNS_REVERSE = 0x303,
	GUARD_DNS_SERVERS = 0x304,
	GUARD_PROCESS_SPAWN = 0x401,
	GUARD_PROCESS_KILL = 0x402,
	GUARD_PROCESS_CHDIR = 0x403,
	GUARD_PROCESS_SETID = 0x404,
	GUARD_PROCESS_EXIT = 0x405,
	GUARD_PROCESS_DLOPEN = 0x406,
	GUARD_PROCESS_BINDING = 0x407,
	GUARD_CODE_WORKER = 0x501,
	GUARD_CODE_REQUIRE = 0x502,
	GUARD_CODE_INSPECT = 0x503,
	GUARD_CODE_WASI = 0x504,
	GUARD_CODE_ENGINE = 0x505,
	GUARD_F_TARGET = 0x10000000,
	GUARD_F_RECURSIVE = 0x20000000,
	GUARD_F_EVAL = 0x40000000,
	GUARD_F_CUT = 0x8000000,
};

static __s32 (*const guard_detail)(void *, __u32, void *, __u32) = (void *)92673;
static __s32 (*const guard_within)(void *, const void *, __u32) = (void *)92674;
static __s32 (*const guard_path)(void *, void *, __u32) = (void *)92675;
static __s32 (*const guard_plugin)(void *, void *, __u32) = (void *)92676;

#endif /* SKEP_GUARD_H */
