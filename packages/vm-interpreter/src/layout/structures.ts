/**
 * The interpreter's structures in the arena. Byte offsets of u32 words unless said. Plain numbers, so that
 * AssemblyScript imports this file too.
 */

// A record: one decoded instruction, an ld_imm64 included. Records of a program lie one after the other.
/** u8: the handler, which may do this instruction and the next ones in one go. */
export const REC_HANDLER = 0
/** u8: the handler that does this instruction alone. */
export const REC_SINGLE = 1
/** u8: byte offsets of the operands in the register file. */
export const REC_DST = 2
export const REC_SRC = 3
/** i32: offset of a memory access, address of the record to go to, or a helper's function-table slot. */
export const REC_OFF = 4
/** i64: the immediate, sign-extended, or the 64-bit constant; for calls in checked code the address of ARG words. */
export const REC_IMM = 8
/**
 * In loads and stores, which have an immediate of 32 bits at most: 1 where the translation has seen that the access is
 * allowed. In calls of helpers REC_DST has a bit for each argument that is, bit 0 for r1.
 */
export const REC_ALLOWED = 12
/** In accesses through pointers into an arena: the handler of the same access elsewhere. */
export const REC_INNER = 12
export const REC_SIZE = 16

// The header of a program's code: PROG_CODE of its record points here.
/** The first record, and the end of the record behind the last one, which faults. */
export const CODE_FIRST = 0
export const CODE_END = 4
/** For each record the slot of its instruction. */
export const CODE_SLOTS = 8
/** Offsets of the fields data, data_end and data_meta in the context, or NO_FIELD. */
export const CODE_DATA = 12
export const CODE_DATA_END = 16
export const CODE_DATA_META = 20
/** Bytes of context that checked code knows, and for each of them a byte: bit 0 it may be read, bit 1 written. */
export const CODE_CONTEXT_SIZE = 24
export const CODE_CONTEXT_ACCESS = 28
/** i64: instructions that a run may take when CTL_BUDGET is 0. */
export const CODE_BUDGET = 32
/** 1 for checked code. */
export const CODE_CHECKED = 40
/** How many bytes of a frame, from its top, checked code can look at: these begin as zeros. */
export const CODE_FRAME_BYTES = 68
/** Helpers that may be called by register, each in HELPER_SIZE bytes. */
export const CODE_HELPERS = 44
export const CODE_HELPER_COUNT = 48
/** The maps whose values checked code may touch, each in VALUES_SIZE bytes. */
export const CODE_MAPS = 52
export const CODE_MAP_COUNT = 56
/** Function-table slots of the program's callbacks. */
export const CODE_CALLBACKS = 60
export const CODE_CALLBACK_COUNT = 64
/** The program's arena, or 0: where its window begins, its pages, and the table of those that are there. */
export const CODE_WINDOW = 80
export const CODE_WINDOW_PAGES = 84
export const CODE_WINDOW_TABLE = 88
export const CODE_HEADER_SIZE = 96
export const NO_FIELD = 0xffffffff
/** In CODE_DATA: the context is bare memory, all of it to be read and written, as a packet is. */
export const BARE_MEMORY = 0xfffffffe

/** Address of a map's header, and the allocation in which values of it were seen last: where it begins, and its size. */
export const VALUES_MAP = 0
export const VALUES_BLOCK = 4
export const VALUES_ROOM = 8
export const VALUES_SIZE = 12

export const HELPER_ID = 0
export const HELPER_SLOT = 4
/** Address of the ARG words, in checked code. */
export const HELPER_ARGS = 8
export const HELPER_SIZE = 12

// What checked code may pass to a helper and gets from it: six entries of two words, for r1 to r5 and for the result.
/** u8: one of the kinds below; u8: ARG_ flags; u8: number (0-based) of the argument that holds the map or the size. */
export const ARG_KIND = 0
export const ARG_FLAGS = 1
export const ARG_OTHER = 2
/** Bytes for ARG_BYTES; for ARG_MAP the address of a list: count, then addresses of map headers. */
export const ARG_VALUE = 4
export const ARG_SIZE = 8
export const ARG_COUNT = 6
export const ARGS_SIZE = 48

export const ARG_ANY = 0
export const ARG_ZERO = 1
export const ARG_CONTEXT = 2
export const ARG_MAP = 3
/** Memory: as much as argument ARG_OTHER says, a key or a value of the map in ARG_OTHER, or of a fixed size. */
export const ARG_SIZED = 4
export const ARG_KEY = 5
export const ARG_MAP_VALUE = 6
export const ARG_BYTES = 7
export const ARG_STRING = 8
export const ARG_CALLBACK = 9
/** What cannot be checked at run time: the helper may not be called. */
export const ARG_REFUSED = 10

/** The argument may be null. */
export const ARG_NULLABLE = 1
/** The helper writes to the memory. */
export const ARG_WRITE = 2
/** A size of 0 is allowed. */
export const ARG_MAYBE_EMPTY = 4
/** Of the result: the helper is a map operation, which moves no packet. */
export const ARG_STILL = 8

// An activation: the state of code that runs or is stopped. A callback or an entry through the table nests a new one.
/** u64 × 11: r0 to r10. */
export const ACT_REGISTERS = 0
export const ACT_R6 = 48
export const ACT_R10 = 80
/** The record to go on at. */
export const ACT_PC = 88
/** Address of the code header; a tail call changes it. */
export const ACT_CODE = 92
/** Frames of callers, and how many of them belong to other programs (which made a tail call in a subprogram). */
export const ACT_DEPTH = 96
export const ACT_DEPTH_BASE = 100
/** How often may_goto still goes on in this frame. */
export const ACT_MAY_GOTO = 104
/** CTL_SP at entry. */
export const ACT_SP = 108
/** The end of the stack that checked code may touch. */
export const ACT_STACK_TOP = 112
/** 1 for a stepper's: helpers do not use up the steps. */
export const ACT_STEPPED = 116
/** A stepper's own values for the control block, while it is stopped. */
export const ACT_CTX = 120
export const ACT_PROG = 124
export const ACT_TAIL_CALLS = 128
export const ACT_STACK_END = 132
/** What the control block and the interpreter held before a run or a step, to be put back. */
export const ACT_OUTER_CTX = 136
export const ACT_OUTER_PROG = 140
export const ACT_OUTER_TAIL_CALLS = 144
export const ACT_OUTER_SP = 148
/** i64. */
export const ACT_OUTER_BUDGET = 152
export const ACT_OUTER_STACK_END = 160
export const ACT_OUTER_DEPTH = 164
export const ACT_OUTER_BASE = 168
export const ACT_OUTER_STEPPER = 172
/** i64: in the exact loop, what is left of the budget after the instruction at ACT_PC or the one that faulted. */
export const ACT_LEFT = 176
/** Runs of a batch that have finished. */
export const ACT_DONE = 184
/** 1 when the host began it by run or run_batch. */
export const ACT_IS_RUN = 188
/**
 * i64: where the running frame begins, and at how many of the bytes from there on an access of 8 bytes may begin; the
 * same for the packet, 0 before it is looked up in the context. For checked code.
 */
export const ACT_STACK_LOW = 192
export const ACT_STACK_ROOM = 200
export const ACT_PACKET_LOW = 208
export const ACT_PACKET_ROOM = 216
/**
 * i64: where the map value begins that was touched last, and at how many of the bytes from there on an access of 1, 2, 4
 * and 8 bytes may begin.
 */
export const ACT_VALUE_LOW = 224
export const ACT_VALUE_ROOM = 232
export const ACT_FRAMES = 264

// A caller's frame.
export const FRAME_RETURN = 0
export const FRAME_CODE = 4
export const FRAME_DEPTH_BASE = 8
export const FRAME_MAY_GOTO = 12
/** u64 × 5: r6 to r10. */
export const FRAME_R6 = 16
export const FRAME_STACK_TOP = 56
export const FRAME_SIZE = 64
/** More than MAX_CALL_FRAMES, for programs that follow one another by tail calls in subprograms. */
export const MAX_FRAMES = 48
export const ACT_SIZE = 3344
/** Activations that may nest. */
export const MAX_ACTIVATIONS = 16

// A range that a helper gave to checked code: first byte, end, and the code. The oldest gives way.
export const GRANT_FROM = 0
export const GRANT_END = 4
export const GRANT_CODE = 8
export const GRANT_SIZE = 12
export const MAX_GRANTS = 32

/** What `step` returns besides FAULT_ codes: the program can go on. */
export const STEP_PAUSED = -1

/**
 * Which shape record an allocation of the arena has (memory/assembly/layout.ts, BLOCK_SHAPE), from its address. A map's
 * values have the one in the map's header, so an address leads to its map.
 */
export const BLOCK_SHAPE_BELOW = 4
/** The words of a shape record: where values begin, the distance between them, and their size. */
export const SHAPE_FIRST = 0
export const SHAPE_STRIDE = 4
export const SHAPE_SIZE = 8
/** How many bytes the allocation has, from its address. */
export const BLOCK_ASKED_BELOW = 8
