/**
 * The allocator's state, in the arena itself, so that every instance of the module (one a worker) shares it. Byte
 * addresses; u32 words. The page before it is the null page and is never handed out.
 */
export const STATE: usize = 0x1_0000
export const MAGIC: usize = STATE
export const LOCK: usize = STATE + 4
/** Bytes of blocks that may be handed out together. */
export const LIMIT: usize = STATE + 8
export const CPUS: usize = STATE + 12
/** Bytes of blocks handed out now, with their headers. */
export const USED: usize = STATE + 16
/** Blocks handed out now. */
export const COUNT: usize = STATE + 20
/** The first block, and the sentinel that ends the last. */
export const FIRST: usize = STATE + 24
export const SENTINEL: usize = STATE + 28
/** Every byte from here on is zero, apart from the headers and links of free blocks. */
export const FRESH: usize = STATE + 32
/** Highest USED so far. */
export const PEAK: usize = STATE + 36
/** Bit n: some free list of first level n has a block. */
export const FIRST_LEVEL: usize = STATE + 40
/** u32 for each first level: which of its lists have a block. */
export const SECOND_LEVEL: usize = STATE + 64
/** u32 for each list: its first block, or 0. */
export const LISTS: usize = STATE + 192
/** u32 for each level of the tree of live addresses: where its bits begin. */
export const LEVELS: usize = STATE + 2304
export const LEVEL_COUNT: i32 = 5
/** u32: address of the table of CPUs, or 0: an entry of CPU_ENTRY bytes for each, whose first word is its owner tag. */
export const CPU_TABLE: usize = STATE + 2328
export const CPU_ENTRY_SHIFT: usize = 5
export const BITS: usize = STATE + 4096

export const MAGIC_VALUE: u32 = 0x70656b53

/** Addresses and sizes of blocks are multiples of this. */
export const GRANULE: usize = 16
export const GRANULE_SHIFT: usize = 4

// A block: a header of 16 bytes, then what is handed out.
/** Bytes handed out, rounded up; bit 0: the block is free. */
export const BLOCK_SIZE: usize = 0
/** The block before this one in memory, or 0. */
export const BLOCK_BEFORE: usize = 4
/** Bytes that were asked for. */
export const BLOCK_ASKED: usize = 8
/** Which of them programs may touch: SHAPE_ALL, SHAPE_NONE, or the address of a shape record. */
export const BLOCK_SHAPE: usize = 12
export const BLOCK_HEADER: usize = 16
/** While free: neighbours in its list. */
export const BLOCK_NEXT: usize = 16
export const BLOCK_PREVIOUS: usize = 20
export const FREE: u32 = 1
/** The smallest block that is worth splitting off. */
export const BLOCK_LEAST: usize = 32

export const SHAPE_ALL: u32 = 0
export const SHAPE_NONE: u32 = 1
// A shape record: in every `stride` bytes from `first` on, `size` bytes from the start of each may be touched.
export const SHAPE_FIRST: usize = 0
export const SHAPE_STRIDE: usize = 4
export const SHAPE_SIZE: usize = 8
