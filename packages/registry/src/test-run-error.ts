import type { ErrnoName } from './errno.ts'

/** BPF_PROG_TEST_RUN refuses its input; `field` says which part of it. */
export class TestRunError extends Error {
  override readonly name = 'TestRunError'
  readonly code = 'BAD_TEST_RUN'
  readonly errno: ErrnoName
  readonly field: string

  constructor(errno: ErrnoName, field: string, message: string) {
    super(`${field}: ${message}`)
    this.errno = errno
    this.field = field
  }
}
