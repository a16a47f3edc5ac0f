/** A `define*` call was given a shape that its schema refuses. */
export class DefinitionError extends Error {
  readonly code = 'BAD_DEFINITION'
  override readonly name = 'DefinitionError'
  /** What was being defined: `helper`, `mapType`, … */
  readonly what: string
  /** Every problem, with the path to its field. */
  readonly issues: readonly { readonly path: string; readonly message: string }[]

  constructor(what: string, subject: string, issues: readonly { path: string; message: string }[]) {
    super(`${what} ${subject}: ${issues.map((i) => `${i.path || '(root)'}: ${i.message}`).join('; ')}`)
    this.what = what
    this.issues = issues
  }
}
