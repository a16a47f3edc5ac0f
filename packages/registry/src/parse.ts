import { safeParse } from 'zod/mini'
import english from 'zod/v4/locales/en.js'
import { DefinitionError } from './definition-error.ts'
import { type ShapeName, shapeOf } from './shapes.ts'

/** Validates against a kind's zod schema and returns the same object, frozen: definitions keep their literal types. */
export function parseDefinition<T extends object>(what: ShapeName, definition: T): T {
  // Hosts may forbid the evaluation of text, with which zod would compile a schema.
  const result = safeParse(shapeOf(what), definition, { error: english().localeError, jitless: true })
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
