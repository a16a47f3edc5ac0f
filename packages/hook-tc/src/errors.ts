export type TcAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_DEVICE'
  | 'BAD_OPTION'
  | 'BUSY'
  | 'EXISTS'
  | 'FOREIGN'
  | 'CLOSED'

/** A program, device or option that cannot be attached. */
export class TcAttachError extends Error {
  override readonly name = 'TcAttachError'
  readonly code: TcAttachErrorCode

  constructor(code: TcAttachErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A packet was dropped for a redirect to nowhere, or since it went round too often. */
export class TcDropError extends Error {
  override readonly name = 'TcDropError'
  readonly code = 'TC_DROP'
  readonly device: string

  constructor(device: string, reason: string) {
    super(`${device}: packet dropped: ${reason}`)
    this.device = device
  }
}
