export type DebuggerErrorCode =
  /** No interpreter has the program's code. */
  | 'NOT_STEPPABLE'
  /** A line, function, helper, map or instruction that does not exist. */
  | 'NO_SUCH_PLACE'
  | 'BAD_CONDITION'
  | 'BAD_VALUE'
  | 'CLOSED'

/** What a debugger cannot do; `subject` is what it was asked about. */
export class DebuggerError extends Error {
  readonly code: DebuggerErrorCode
  readonly subject: string

  constructor(code: DebuggerErrorCode, subject: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DebuggerError'
    this.code = code
    this.subject = subject
  }
}
