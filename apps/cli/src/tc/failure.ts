/** A command that tc refuses: what it prints on standard error, and its exit status. */
export class TcFailure extends Error {
  override readonly name = 'TcFailure'
  readonly code = 'TC'
  readonly says: readonly string[]
  readonly status: number

  constructor(status: number, ...says: readonly string[]) {
    super(says.join(' '))
    this.says = says
    this.status = status
  }
}

const TALKING = 'We have an error talking to the kernel'

/** What the kernel answers, in its words: status 2. */
export const kernelError = (says: string): TcFailure => new TcFailure(2, `Error: ${says}.`, TALKING)
/** The same by an errno's text alone. */
export const kernelErrno = (text: string): TcFailure =>
  new TcFailure(2, `RTNETLINK answers: ${text}`, TALKING)

/** What strerror says, for the errnos that come up here. */
const texts: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  E2BIG: 'Argument list too long',
  EACCES: 'Permission denied',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  ENOTSUPP: 'Unknown error 524',
  EOPNOTSUPP: 'Operation not supported',
}
export const errnoText = (errno: string): string => texts[errno] ?? errno
