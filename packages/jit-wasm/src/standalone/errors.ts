/** Why a collection has no standalone module. */
export type StandaloneErrorCode =
  /** A program calls a helper or kernel function that needs a runtime around it. */
  | 'NEEDS_RUNTIME'
  /** A map's operations are no wasm. */
  | 'UNSUPPORTED_MAP'
  /** A wasm module that cannot be linked: data of its own, an import that nothing gives, instructions unknown here. */
  | 'BAD_MODULE'
  /** An option that means nothing, or nothing was compiled yet. */
  | 'BAD_OPTION'

/** A collection that cannot become a standalone module. */
export class StandaloneError extends Error {
  override readonly name = 'StandaloneError'
  readonly code: StandaloneErrorCode
  /** The program, map or module that it is about. */
  readonly subject: string
  /** Slot of the instruction, where there is one. */
  readonly insn: number | undefined

  constructor(code: StandaloneErrorCode, subject: string, message: string, insn?: number) {
    super(`${subject}${insn === undefined ? '' : `, insn ${insn}`}: ${message}`)
    this.code = code
    this.subject = subject
    this.insn = insn
  }
}
