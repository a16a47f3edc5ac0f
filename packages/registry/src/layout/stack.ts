/**
 * Maps of type `stack_trace` in the arena: STACK_BUCKETS buckets at MAP_DATA, MAP_STRIDE bytes apart. Byte offsets. Plain
 * numbers, so that AssemblyScript imports this file too.
 */

/** u32 in the map's header: buckets, a power of two not below max_entries. */
export const STACK_BUCKETS = 128

/** u32: frames of the stack that the bucket holds; 0 for none. */
export const STACK_FRAMES = 0
/** u32: their hash. */
export const STACK_HASH = 4
/** The value: the frames, then zeros. */
export const STACK_VALUE = 8

/** sysctl_perf_event_max_stack: frames of the longest stack. */
export const STACK_MOST = 127
/** Bytes of struct bpf_stack_build_id. */
export const STACK_BUILD_ID_SIZE = 32
