export type XdpAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_DEVICE'
  | 'BAD_OPTION'
  | 'BUSY'
  | 'MOVES_PACKETS'

/** A program, device or option that cannot be attached. */
export class XdpAttachError extends Error {
  override readonly name = 'XdpAttachError'
  readonly code: XdpAttachErrorCode

  constructor(code: XdpAttachErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A packet was dropped for XDP_ABORTED, an unknown verdict or a redirect to nowhere: the kernel's xdp_exception. */
export class XdpAbortedError extends Error {
  override readonly name = 'XdpAbortedError'
  readonly code = 'XDP_ABORTED'
  readonly program: string
  readonly verdict: number

  constructor(program: string, verdict: number, reason: string) {
    super(`${program}: packet dropped: ${reason}`)
    this.program = program
    this.verdict = verdict
  }
}
