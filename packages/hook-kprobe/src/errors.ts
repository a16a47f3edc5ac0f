export type KprobeAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_TARGET'
  | 'NO_SUCH_FUNCTION'
  | 'NO_SUCH_EVENT'
  | 'NOT_A_FUNCTION'
  | 'NOT_CONFIGURABLE'
  | 'NOT_OVERRIDABLE'
  | 'BAD_OPTION'

/** A program, function, event or option that cannot be probed. */
export class KprobeAttachError extends Error {
  override readonly name = 'KprobeAttachError'
  readonly code: KprobeAttachErrorCode

  constructor(code: KprobeAttachErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
