export type RuntimeErrorCode =
  | 'CLOSED'
  | 'NO_SUCH_PROGRAM'
  | 'NO_SUCH_MAP'
  | 'NO_SUCH_VARIABLE'
  | 'NO_SUCH_ENGINE'
  | 'WRONG_PROGRAM_TYPE'
  | 'UNKNOWN_MAP_TYPE'
  | 'UNKNOWN_PROGRAM_TYPE'
  | 'UNKNOWN_HELPER'
  | 'ABSENT'
  | 'BAD_REFERENCE'
  | 'CODEC_SIZE'
  | 'NO_BTF'
  | 'UNVERIFIED'
  | 'UNKNOWN_FORMAT'
  | 'BAD_SPEC'
  | 'BAD_OPTION'
  | 'LISTENER'
  | 'UNSHARED'
  | 'NO_CPU'
  | 'TAKEN'
  | 'STALE'
  | 'PLUGIN_MISMATCH'

/** What the runtime refuses, with the name that it is about. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode
  /** The program, map, helper or option that the error is about. */
  readonly subject: string
  /** The errno that bpf(2) would give, where it has one. */
  readonly errno?: string

  constructor(code: RuntimeErrorCode, subject: string, message: string, errno?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.subject = subject
    if (errno !== undefined) this.errno = errno
  }
}

export type FaultCode =
  | 'ACCESS'
  | 'BUDGET'
  | 'STACK'
  | 'ILLEGAL'
  | 'EXCEPTION'
  | 'ALIGNMENT'
  | 'TRAP'
  | 'THREW'
  | 'LOCK'

/**
 * A run ended early. Verified programs meet only EXCEPTION, THREW when a helper or map type in JS throws (`cause` is what
 * it threw), and LOCK when a worker died while it held a bpf_spin_lock; the rest are stopped by an engine's checks.
 */
export class ProgramFault extends Error {
  override readonly name = 'ProgramFault'
  readonly code: FaultCode
  readonly program: string
  /** Slot of the instruction, where the engine knows it. */
  readonly pc?: number
  /** Low 32 bits of the address of a bad access. */
  readonly address?: number

  constructor(
    code: FaultCode,
    program: string,
    detail: { pc?: number; address?: number; message: string; cause?: unknown },
  ) {
    super(`${program}: ${detail.message}`, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.program = program
    if (detail.pc !== undefined) this.pc = detail.pc
    if (detail.address !== undefined) this.address = detail.address
  }
}
