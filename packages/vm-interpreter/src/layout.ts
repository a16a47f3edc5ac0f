/**
 * The interpreter's structures in the arena. Byte offsets. Plain numbers, so that AssemblyScript imports this file too.
 */

/** A decoded instruction: handler (u16), byte offsets of the registers in the register file (u8 each), then: */
export const REC_HANDLER = 0
export const REC_DST = 2
export const REC_SRC = 3
/** i32: offset of a memory access, or the address of the record to go to, or a helper's function-table slot. */
export const REC_OFF = 4
/** i64: the immediate, sign-extended, or the 64-bit constant. */
export const REC_IMM = 8
export const REC_SIZE = 16

/** Decoded code of one program; its address is PROG_CODE of the program's record. */
export const CODE_FIRST = 0
/** Whether packet and context are known: offsets of the fields data, data_end and data_meta in the context, or NO_FIELD. */
export const CODE_DATA = 4
export const CODE_DATA_END = 8
export const CODE_DATA_META = 12
/** Bytes of context that checked code may touch. */
export const CODE_CONTEXT_SIZE = 16
/** Instructions that one run may take (i64). */
export const CODE_BUDGET = 24
/** 1 for checked code. */
export const CODE_CHECKED = 32
/** Records of the program. */
export const CODE_COUNT = 36
/** Pairs of u32 behind the records: helper id and function-table slot, for calls by register. */
export const CODE_HELPERS = 40
export const CODE_HELPER_COUNT = 44
export const CODE_HEADER_SIZE = 48
export const NO_FIELD = 0xffffffff

/** One activation: the state of code that runs or is stopped; a callback or table entry nests a new one. */
export const ACT_REGISTERS = 0
export const ACT_PC = 88
export const ACT_DEPTH = 92
/** Address of the code header (it changes on tail calls). */
export const ACT_CODE = 96
/** Iterations that may_goto still allows in this frame. */
export const ACT_MAY_GOTO = 100
export const ACT_FRAMES = 104
/** A caller's frame: return record, may_goto counter, r6 to r10. */
export const FRAME_RETURN = 0
export const FRAME_MAY_GOTO = 4
export const FRAME_R6 = 8
export const FRAME_SIZE = 48
/** MAX_CALL_FRAMES frames, of which the running one is in the registers. */
export const ACT_SIZE = 512
/** Activations that may nest: callbacks in callbacks, programs through the table. */
export const MAX_ACTIVATIONS = 16
