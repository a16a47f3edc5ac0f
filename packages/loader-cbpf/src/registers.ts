// The registers of translated programs, as the kernel assigns them (include/linux/filter.h, BPF_REG_A and following).

export const REG_A = 0
export const REG_X = 7
/** The context; ld_abs and ld_ind expect it there. */
export const REG_CTX = 6
/** Scratch. */
export const REG_TMP = 2
export const REG_TMP2 = 3
export const REG_TMP3 = 4
/** Direct access: start of the packet plus X, where it is kept. */
export const REG_BASE = 5
/** Direct access: start and end of the packet. Else REG_SAVED keeps A over a load that goes to X. */
export const REG_DATA = 8
export const REG_END = 9
export const REG_SAVED = 8
/** The frame pointer: M[0] lies below it. */
export const REG_FP = 10
