/**
 * What is special inside a map's value or a program's object (the kernel's struct btf_record): a record in the arena. Byte
 * offsets of u32 words. Plain numbers, so that AssemblyScript imports this file too.
 */

/** Bytes of the value or object. */
export const RECORD_BYTES = 0
/** How many fields follow, in order of their offsets. */
export const RECORD_COUNT = 4
/** Of a map's value: 1 when its key is its index in the map's array, 0 when the key lies before it. */
export const RECORD_INDEXED = 8
/** Offset of the bpf_spin_lock + 1, or 0. */
export const RECORD_LOCK = 12
/** Objects of this record that wait for reuse (threads only), and the lock of that list. */
export const RECORD_FREED = 16
export const RECORD_FREED_LOCK = 20
/** Offset of the bpf_refcount + 1, or 0. */
export const RECORD_REFCOUNT = 24
export const RECORD_FIELDS = 32

/** One field: kind, offset, bytes; for the root of a list or tree, where in an object its node is. */
export const FIELD_KIND = 0
export const FIELD_OFFSET = 4
export const FIELD_BYTES = 8
export const FIELD_NODE = 12
export const FIELD_SIZE = 16

export const FIELD_SPIN_LOCK = 1
export const FIELD_RES_SPIN_LOCK = 2
export const FIELD_TIMER = 3
export const FIELD_WQ = 4
export const FIELD_TASK_WORK = 5
export const FIELD_KPTR = 6
export const FIELD_KPTR_REF = 7
export const FIELD_KPTR_PERCPU = 8
export const FIELD_UPTR = 9
export const FIELD_LIST_HEAD = 10
export const FIELD_LIST_NODE = 11
export const FIELD_RB_ROOT = 12
export const FIELD_RB_NODE = 13
export const FIELD_REFCOUNT = 14

/** Words before an object: its record, bytes from one CPU's copy to the next (0: one copy), the next that is freed. */
export const OBJECT_RECORD = 0
export const OBJECT_STRIDE = 4
export const OBJECT_NEXT = 8
export const OBJECT_HEADER = 16

/**
 * The local types that a program makes objects of: u32 count, then for each its BTF type id and the address of its record.
 * PROG_TYPES points to it.
 */
export const TYPES_COUNT = 0
export const TYPES_FIRST = 4
export const TYPE_ID = 0
export const TYPE_RECORD = 4
export const TYPE_SIZE = 8

/** What a bpf_timer or bpf_wq points to (struct bpf_async_cb). */
export const ASYNC_MAP = 0
export const ASYNC_VALUE = 4
/** Record of the program that set the callback; 0 before, and when the timer was cancelled. */
export const ASYNC_PROG = 8
/** Function-table slot of the callback. */
export const ASYNC_CALLBACK = 12
/** CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
export const ASYNC_CLOCK = 16
export const ASYNC_BYTES = 32
