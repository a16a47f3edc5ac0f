import type * as z from 'zod'

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

/** Validates against a zod schema and returns the same object, frozen: definitions keep their literal types. */
export function parseDefinition<T extends object>(what: string, schema: z.ZodType, definition: T): T {
  const result = schema.safeParse(definition)
  if (!result.success) {
    const subject = (definition as { name?: unknown } | undefined)?.name
    throw new DefinitionError(
      what,
      typeof subject === 'string' ? `"${subject}"` : '(unnamed)',
      result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
    )
  }
  return Object.freeze(definition)
}
