export type CoreErrorCode =
  /** The access string does not fit the local type. */
  | 'BAD_ACCESS'
  /** A relocation kind that Linux 6.18 does not know. */
  | 'UNKNOWN_KIND'
  /** Two target types match and give different values. */
  | 'AMBIGUOUS'
  /** The instruction is none that this relocation can patch, or does not hold the expected value. */
  | 'BAD_INSN'
  /** The new value does not fit the instruction, or a type has no size. */
  | 'BAD_VALUE'

/** A CO-RE relocation that cannot be resolved or applied: the record is at fault, not the target. */
export class CoreError extends Error {
  override readonly name = 'CoreError'
  readonly code: CoreErrorCode

  constructor(code: CoreErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
