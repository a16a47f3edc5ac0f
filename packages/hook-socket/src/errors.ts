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
