/** A program that is no socket filter. */
export class CaptureFilterError extends Error {
  override readonly name = 'CaptureFilterError'
  readonly code = 'WRONG_PROGRAM_TYPE'
  readonly program: string

  constructor(program: string, message: string) {
    super(message)
    this.program = program
  }
}

export type SocketAttachErrorCode =
  | 'WRONG_PROGRAM_TYPE'
  | 'BAD_PROGRAM'
  | 'BAD_SOCKET'
  | 'BAD_MAP'
  | 'BAD_OPTION'
  | 'BUSY'
  | 'LOCKED'
  | 'FOREIGN'
  | 'CLOSED'
  | 'UNSUPPORTED'

/** A program, socket, map or option that cannot be attached. */
export class SocketAttachError extends Error {
  override readonly name = 'SocketAttachError'
  readonly code: SocketAttachErrorCode

  constructor(code: SocketAttachErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A stream or message that a program ended: `errno` is the kernel's name, and `syscall` what failed. */
export class SocketVerdictError extends Error {
  override readonly name = 'SocketVerdictError'
  /** `EPROTO`, `EMSGSIZE`, `EACCES` or another errno's name. */
  readonly code: string
  readonly syscall: string

  constructor(code: string, syscall: string, message: string) {
    super(`${syscall} ${code}: ${message}`)
    this.code = code
    this.syscall = syscall
  }
}
