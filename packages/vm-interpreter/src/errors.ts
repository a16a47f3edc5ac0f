export type InterpreterErrorCode = 'BAD_PROGRAM'

/** A program that the interpreter cannot even translate: an unlinked call, a jump to nowhere. */
export class InterpreterError extends Error {
  override readonly name = 'InterpreterError'
  readonly code: InterpreterErrorCode
  /** Slot of the instruction. */
  readonly insn: number

  constructor(code: InterpreterErrorCode, message: string, insn: number) {
    super(message)
    this.code = code
    this.insn = insn
  }
}
