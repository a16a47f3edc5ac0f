/** Why a program was not compiled. */
export type JitErrorCode =
  /** The program comes without the verifier's facts; this engine has no run-time checks to take their place. */
  | 'NO_FACTS'
  /** An instruction that this engine does not know how to run. */
  | 'UNSUPPORTED_INSN'
  /** A call of a helper that the program was not linked with. */
  | 'UNKNOWN_HELPER'
  /** A jump or call that leaves its function, or slots that are no instruction: decode and verify first. */
  | 'BAD_PROGRAM'
  /** The host refused the module: a function past its size limit, no tail calls, no memory for code. */
  | 'HOST_REFUSED'

/** A program that cannot be compiled. */
export class JitError extends Error {
  override readonly name = 'JitError'
  readonly code: JitErrorCode
  readonly program: string
  /** Slot of the instruction, where there is one. */
  readonly insn: number | undefined

  constructor(code: JitErrorCode, program: string, message: string, insn?: number, options?: ErrorOptions) {
    super(`${program}${insn === undefined ? '' : `, insn ${insn}`}: ${message}`, options)
    this.code = code
    this.program = program
    this.insn = insn
  }
}
