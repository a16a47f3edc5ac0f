import { REG_SIZE } from './layout.ts'
import { ID_MAP_BYTES } from './scalar/index.ts'

// Records at the start of the heap that belong to no state.
export const FAKE_REG0 = 16
export const FAKE_REG1: number = FAKE_REG0 + REG_SIZE
/** The constant operand of an instruction. */
export const OFF_REG: number = FAKE_REG1 + REG_SIZE
/** A register put aside. */
export const SAVED_REG: number = OFF_REG + REG_SIZE
export const SAVED_REG2: number = SAVED_REG + REG_SIZE
/** An imprecise scalar of which nothing is known. */
export const UNBOUND_REG: number = SAVED_REG2 + REG_SIZE
/** A few tnums. */
export const TNUM_A: number = UNBOUND_REG + REG_SIZE
export const TNUM_B: number = TNUM_A + 16
/** Which identities correspond, while states are compared. */
export const ID_MAP: number = TNUM_B + 16
export const SCRATCH_BYTES: number = ID_MAP + ID_MAP_BYTES - FAKE_REG0
