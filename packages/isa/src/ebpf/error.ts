import type { Field } from './table.ts'

/** What is wrong with an encoding. */
export type IsaErrorCode =
  | 'BAD_LENGTH'
  | 'UNKNOWN_OPCODE'
  | 'RESERVED_FIELD'
  | 'BAD_REGISTER'
  | 'BAD_VALUE'
  | 'TRUNCATED_LD_IMM64'
  | 'BAD_LD_IMM64'
  | 'JUMP_OUT_OF_RANGE'
  | 'JUMP_INTO_LD_IMM64'

/** A field of the 8-byte encoding; `pseudo` is ld_imm64's src. */
export type IsaField = Field | 'code'

/** What is wrong with one slot, as data. */
export type IsaProblem = {
  readonly code: IsaErrorCode
  readonly field?: IsaField
  readonly message: string
}

/** A byte sequence that is no eBPF program, or an instruction that has no encoding. */
export class IsaError extends Error {
  override readonly name = 'IsaError'
  readonly code: IsaErrorCode
  /** The slot's index, counted in 8-byte slots. */
  readonly insn: number | undefined
  /** The byte at which the slot starts. */
  readonly offset: number | undefined
  /** The field of the slot that is wrong. */
  readonly field: IsaField | undefined

  constructor(problem: IsaProblem, insn?: number) {
    super(insn === undefined ? problem.message : `insn ${insn} (byte ${insn * 8}): ${problem.message}`)
    this.code = problem.code
    this.insn = insn
    this.offset = insn === undefined ? undefined : insn * 8
    this.field = problem.field
  }
}
