/**
 * The header of a map in the arena; its address is what a program holds as `struct bpf_map *`. Byte offsets of u32
 * words. Plain numbers, so that AssemblyScript imports this file too.
 */
export const MAP_ID = 0
export const MAP_TYPE = 4
export const MAP_KEY_SIZE = 8
export const MAP_VALUE_SIZE = 12
export const MAP_MAX_ENTRIES = 16
export const MAP_FLAGS = 20
/**
 * Address of the type's own data: an array's first value (of CPU 0), a hash's buckets, a program array's slots (u32, the
 * address of a program's record or 0).
 */
export const MAP_DATA = 24
/** Bytes from one element to the next in that data. */
export const MAP_STRIDE = 28
/** Elements present. */
export const MAP_COUNT = 32
/** Spin lock word for types that need one in shared memory. */
export const MAP_LOCK = 36
/** 1 after the host froze the map. */
export const MAP_FROZEN = 40
/** Number of CPUs that per-CPU values are laid out for. */
export const MAP_CPUS = 44
/** map_extra of bpf_attr, low 32 bits. */
export const MAP_EXTRA = 48
/** Address of the header of the inner map's template, for maps of maps. */
export const MAP_INNER = 52
/**
 * Function-table slot of what frees the value's special fields, or 0: free_fields(map, value), called when an element goes
 * and when its value is replaced.
 */
export const MAP_FREE_FIELDS = 56

/** Updates and deletions that succeeded, modulo 2^32: of types that count them, by whomever; stores through a pointer not. */
export const MAP_CHANGES = 60

/**
 * Function-table slots of the type's operations; the generic helpers call through these. Signatures (i32 unless said):
 * lookup(map, key) → value address or 0; update(map, key, value, flags: i64) → 0 or -errno; delete(map, key) → errno;
 * push(map, value, flags: i64), pop(map, value), peek(map, value) → errno; next_key(map, key or 0, out) → errno;
 * lookup_percpu(map, key, cpu) → address or 0; for_each(map, callback slot, ctx: i64, flags: i64) → count or -errno;
 * redirect(map, key: i64, flags: i64) → XDP action.
 */
export const MAP_OPS = 64
export const MAP_OP_LOOKUP = 64
export const MAP_OP_UPDATE = 68
export const MAP_OP_DELETE = 72
export const MAP_OP_PUSH = 76
export const MAP_OP_POP = 80
export const MAP_OP_PEEK = 84
export const MAP_OP_NEXT_KEY = 88
export const MAP_OP_LOOKUP_PERCPU = 92
export const MAP_OP_FOR_EACH = 96
export const MAP_OP_REDIRECT = 100
/**
 * Address of the record (layout/fields.ts) of the value's special fields (bpf_spin_lock, bpf_timer, …), or 0. Updates leave
 * them alone and the host reads them as zero.
 */
export const MAP_FIELDS = 104
/** Offset of the value's bpf_spin_lock + 1, or 0 when it has none. */
export const MAP_SPIN_LOCK = 108
/** Three u32 for the arena's setShape: which bytes of each element programs may touch. */
export const MAP_SHAPE = 112
/**
 * Types whose `array` is set, in shared memory: for each CPU zeros as large as all values, where a program in a batch adds up
 * what it adds to them (LinkedMap.array). The address of the first, or 0, and the distance to the next CPU's.
 */
export const ARRAY_SUMS = 128
export const ARRAY_SUMS_STRIDE = 132
/**
 * How many keys are u32 indices of elements that lie at MAP_DATA, MAP_STRIDE apart, so that a lookup needs no call: max_entries, or
 * 0 for types of which that is not so (`array` of the map type).
 */
export const MAP_INDICES = 124
/** First byte that belongs to the type. */
export const MAP_PRIVATE = 128
export const MAP_HEADER_SIZE = 256

export const BPF_ANY = 0
export const BPF_NOEXIST = 1
export const BPF_EXIST = 2
export const BPF_F_LOCK = 4
export const BPF_F_CPU = 8
export const BPF_F_ALL_CPUS = 16

export const BPF_F_NO_PREALLOC = 0x1
export const BPF_F_NO_COMMON_LRU = 0x2
export const BPF_F_NUMA_NODE = 0x4
export const BPF_F_RDONLY = 0x8
export const BPF_F_WRONLY = 0x10
export const BPF_F_STACK_BUILD_ID = 0x20
export const BPF_F_ZERO_SEED = 0x40
export const BPF_F_RDONLY_PROG = 0x80
export const BPF_F_WRONLY_PROG = 0x100
export const BPF_F_CLONE = 0x200
export const BPF_F_MMAPABLE = 0x400
export const BPF_F_PRESERVE_ELEMS = 0x800
export const BPF_F_INNER_MAP = 0x1000
export const BPF_F_LINK = 0x2000
export const BPF_F_VTYPE_BTF_OBJ_FD = 0x8000
export const BPF_F_SEGV_ON_FAULT = 0x2_0000
export const BPF_F_NO_USER_CONV = 0x4_0000
export const BPF_F_RB_OVERWRITE = 0x8_0000
