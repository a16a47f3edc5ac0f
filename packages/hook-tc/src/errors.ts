export type TcAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_DEVICE'
  | 'BAD_OPTION'
  | 'BUSY'
  | 'EXISTS'
  | 'NOT_FOUND'
  | 'NOT_EXPECTED'
  | 'RANGE'
  | 'STALE'
  | 'FOREIGN'
  | 'CLOSED'

/** What the kernel answers in the same place (net/sched/cls_api.c, kernel/bpf/mprog.c, kernel/bpf/tcx.c). */
const errnos: Partial<Record<TcAttachErrorCode, string>> = {
  WRONG_PROGRAM_TYPE: 'EINVAL',
  BAD_OPTION: 'EINVAL',
  BUSY: 'EBUSY',
  EXISTS: 'EEXIST',
  NOT_FOUND: 'ENOENT',
  NOT_EXPECTED: 'EPERM',
  RANGE: 'ERANGE',
  STALE: 'ESTALE',
  CLOSED: 'ENOLINK',
}

/** A program, device or option that cannot be attached. */
export class TcAttachError extends Error {
  override readonly name = 'TcAttachError'
  readonly code: TcAttachErrorCode
  /** The kernel's, where it refuses the same. */
  readonly errno: string | undefined

  constructor(code: TcAttachErrorCode, message: string) {
    super(message)
    this.code = code
    this.errno = errnos[code]
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
