// The register record: Linux's struct bpf_reg_state (include/linux/bpf_verifier.h) as fixed-size bytes in the verifier's
// own memory. Plain number constants only: assembly/ compiles this file too.
//
// Offsets are in bytes from the start of the record. Fields up to REG_SUBREG_DEF are 32-bit words and may be read through
// an Int32Array or Uint32Array at `(address + REG_X) >> 2`. Everything is little-endian, as WebAssembly is.

/** Kind of the register, the verifier core's own numbering. The scalar domain never reads it. */
export const REG_TYPE = 0
/** Identity that links registers (scalars) or null checks and packet ranges (pointers); may carry BPF_ADD_CONST. */
export const REG_ID = 4
/** Identity of the acquired reference that the register carries, 0 for none. */
export const REG_REF_OBJ_ID = 8
/** Fixed part of a pointer's offset; for a scalar linked with BPF_ADD_CONST, its constant. Signed. */
export const REG_OFF = 12
/** Free for the core: map index, packet range, BTF id, size of memory, frame number and the like. */
export const REG_AUX0 = 16
export const REG_AUX1 = 20
export const REG_AUX2 = 24
export const REG_AUX3 = 28
export const REG_AUX4 = 32
export const REG_AUX5 = 36
/** Bit set of REG_FLAG_*; bits from 1 up belong to the core. */
export const REG_FLAGS = 40
/** 1 + index of the instruction that last wrote the register as 32 bits, 0 for none. */
export const REG_SUBREG_DEF = 44

/** Start of the numeric part: 64 bytes that the scalar domain owns. */
export const REG_NUMERIC = 48
/** Tnum of the variable part: bits known to be 1 (u64). REG_VAR_OFF is itself the address of a tnum. */
export const REG_VAR_OFF = 48
export const REG_VAR_OFF_VALUE = 48
/** Tnum of the variable part: bits not known (u64). */
export const REG_VAR_OFF_MASK = 56
/** Signed and unsigned bounds of the 64-bit value (i64, i64, u64, u64). */
export const REG_SMIN = 64
export const REG_SMAX = 72
export const REG_UMIN = 80
export const REG_UMAX = 88
/** Signed and unsigned bounds of the lower 32 bits (i32, i32, u32, u32). */
export const REG_S32_MIN = 96
export const REG_S32_MAX = 100
export const REG_U32_MIN = 104
export const REG_U32_MAX = 108

/** Bytes of a record; a record's address is a multiple of 8 (16 is best). */
export const REG_SIZE = 112
/** Bytes of the numeric part. */
export const REG_NUMERIC_SIZE = 64
/** 32-bit words of a record. */
export const REG_WORDS = 28

/** REG_FLAGS: the exact value of this scalar mattered to a verdict. */
export const REG_FLAG_PRECISE = 1

/** REG_ID: the register equals the other holders of this id plus the constant in REG_OFF, added as 64 or as 32 bits. */
export const BPF_ADD_CONST64 = 0x80000000
export const BPF_ADD_CONST32 = 0x40000000
export const BPF_ADD_CONST = 0xc0000000

/** Bytes of a tnum outside a record: value (u64), then mask (u64). */
export const TNUM_SIZE = 16
export const TNUM_VALUE = 0
export const TNUM_MASK = 8

// ALU operations: BPF_OP(code), RFC 9669 section 4.1.
export const BPF_ADD = 0x00
export const BPF_SUB = 0x10
export const BPF_MUL = 0x20
export const BPF_DIV = 0x30
export const BPF_OR = 0x40
export const BPF_AND = 0x50
export const BPF_LSH = 0x60
export const BPF_RSH = 0x70
export const BPF_NEG = 0x80
export const BPF_MOD = 0x90
export const BPF_XOR = 0xa0
export const BPF_MOV = 0xb0
export const BPF_ARSH = 0xc0
export const BPF_END = 0xd0

// Jump operations: BPF_OP(code), RFC 9669 section 4.3.
export const BPF_JEQ = 0x10
export const BPF_JGT = 0x20
export const BPF_JGE = 0x30
export const BPF_JSET = 0x40
export const BPF_JNE = 0x50
export const BPF_JSGT = 0x60
export const BPF_JSGE = 0x70
export const BPF_JLT = 0xa0
export const BPF_JLE = 0xb0
export const BPF_JSLT = 0xc0
export const BPF_JSLE = 0xd0

// REG_TYPE: a base kind in the low byte and flags above it, as the kernel's enum bpf_reg_type (include/linux/bpf.h); the flags
// and what can be asked of them are in reg-type.ts.
export const NOT_INIT = 0
export const SCALAR_VALUE = 1
export const PTR_TO_CTX = 2
export const CONST_PTR_TO_MAP = 3
export const PTR_TO_MAP_VALUE = 4
export const PTR_TO_MAP_KEY = 5
export const PTR_TO_STACK = 6
export const PTR_TO_PACKET_META = 7
export const PTR_TO_PACKET = 8
export const PTR_TO_PACKET_END = 9
export const PTR_TO_FLOW_KEYS = 10
export const PTR_TO_SOCKET = 11
export const PTR_TO_SOCK_COMMON = 12
export const PTR_TO_TCP_SOCK = 13
export const PTR_TO_TP_BUFFER = 14
export const PTR_TO_XDP_SOCK = 15
export const PTR_TO_BTF_ID = 16
export const PTR_TO_MEM = 17
export const PTR_TO_ARENA = 18
export const PTR_TO_BUF = 19
export const PTR_TO_FUNC = 20
export const CONST_PTR_TO_DYNPTR = 21

// A frame: the records of its registers, then its stack.
export const MAX_FRAME_REGS = 11
/** Offset of the stack in a frame: MAX_FRAME_REGS records. */
export const FRAME_STACK = 1232
/** Bytes of one stack slot: the record of what is spilled there, then one type byte for each of its eight bytes. */
export const SLOT_SIZE = 120
/** Offset of the slot types in a slot: a record. */
export const SLOT_TYPES = 112

// What is in each byte of a stack slot.
export const STACK_INVALID = 0
export const STACK_SPILL = 1
export const STACK_MISC = 2
export const STACK_ZERO = 3
export const STACK_DYNPTR = 4
export const STACK_ITER = 5
export const STACK_IRQ_FLAG = 6

// How states are compared (enum exact_level), and what else decides.
export const NOT_EXACT = 0
export const STATES_EXACT = 1
/** Marks of the old state are not complete: ranges count although not marked precise. */
export const RANGE_WITHIN = 2
/** What is done about speculation depends on values: all must be the same. */
export const EXPLORE_ALU_LIMITS = 1
/** The loader may read uninitialised stack. */
export const UNINIT_STACK_READ = 2

/** Limit of a pointer's offset, fixed and variable (include/linux/bpf_verifier.h). */
export const BPF_MAX_VAR_OFF = 0x20000000

// sanePointerOffset(): what is wrong with a value in pointer arithmetic, in the kernel's order of checks.
export const SANE_OFFSET = 0
/** A constant of BPF_MAX_VAR_OFF or more, either sign. */
export const UNSANE_CONST = 1
/** REG_OFF of BPF_MAX_VAR_OFF or more, either sign. */
export const UNSANE_FIXED = 2
/** No lower bound: smin is S64_MIN. */
export const UNSANE_SMIN_UNBOUNDED = 3
/** smin of BPF_MAX_VAR_OFF or more, either sign. */
export const UNSANE_SMIN = 4

/** refine(): the bounds of the branch taken, or of the branch not taken, contradict each other. */
export const REFINE_TRUE_IMPOSSIBLE = 1
export const REFINE_FALSE_IMPOSSIBLE = 2
