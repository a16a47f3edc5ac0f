export type InterpreterErrorCode =
  /** The program is no code: it jumps to nowhere, names a register that does not exist, calls what is not linked. */
  | 'BAD_PROGRAM'
  /** A stepper for a program that another engine, or another CPU's interpreter, has compiled; or one that is closed. */
  | 'BAD_STEPPER'
  /** A register or place that cannot be set. */
  | 'BAD_VALUE'

/** What the interpreter refuses before it runs anything. What goes wrong in a run is a fault, at CTL_FAULT. */
export class InterpreterError extends Error {
  override readonly name = 'InterpreterError'
  readonly code: InterpreterErrorCode
  readonly program: string
  /** Slot of the instruction, where there is one. */
  readonly insn?: number

  constructor(code: InterpreterErrorCode, program: string, message: string, insn?: number) {
    super(insn === undefined ? `${program}: ${message}` : `${program}: insn ${insn}: ${message}`)
    this.code = code
    this.program = program
    if (insn !== undefined) this.insn = insn
  }
}
