/**
 * The record of a loaded program in the arena: what a program array's slots point to. Byte offsets of u32 words.
 * Plain numbers, so that AssemblyScript imports this file too.
 */
export const PROG_ID = 0
/** Function-table slot of the entry, of the uniform signature (r1..r5: i64) → r0: i64, r1 = context. */
export const PROG_SLOT = 4
/** Address of the interpreter's decoded code, 0 when another engine runs the program. */
export const PROG_CODE = 8
export const PROG_TYPE = 12
/** Address of the local types that it makes objects of (layout/fields.ts), or 0. */
export const PROG_TYPES = 16
/** Its expected attach type, by number (enum bpf_attach_type); 0 without one. */
export const PROG_ATTACH = 20
export const PROG_RECORD_SIZE = 32
