/**
 * `BAD_OPTION`: wrong usage; `NOT_FOUND`: no such program, map or file; `REFUSED`: a verifier refused a program;
 * `DISAGREE`: two engines, or an engine and the kernel, computed different things, so that their times mean nothing;
 * `WORKER`: a thread ended before its work; `CHILD`: a process did.
 */
export type BenchErrorCode = 'BAD_OPTION' | 'NOT_FOUND' | 'REFUSED' | 'DISAGREE' | 'WORKER' | 'CHILD'

/** Why a benchmark cannot be run, in one line. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
  readonly code: BenchErrorCode

  constructor(code: BenchErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}
