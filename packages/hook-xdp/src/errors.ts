export type XdpAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_DEVICE'
  | 'BAD_OPTION'
  | 'BUSY'
  | 'NOT_EXPECTED'
  | 'FOREIGN'
  | 'CLOSED'
  | 'MOVES_PACKETS'

/** What the kernel answers in the same place (dev_xdp_attach and bpf_xdp_link_update, net/core/dev.c). */
const errnos: Partial<Record<XdpAttachErrorCode, string>> = {
  WRONG_PROGRAM_TYPE: 'EINVAL',
  BAD_OPTION: 'EINVAL',
  BUSY: 'EBUSY',
  NOT_EXPECTED: 'EEXIST',
  CLOSED: 'ENOLINK',
}

/** A program, device or option that cannot be attached. */
export class XdpAttachError extends Error {
  override readonly name = 'XdpAttachError'
  readonly code: XdpAttachErrorCode
  /** The kernel's, where it refuses the same. */
  readonly errno: string | undefined

  constructor(code: XdpAttachErrorCode, message: string, errno: string | undefined = errnos[code]) {
    super(message)
    this.code = code
    this.errno = errno
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
