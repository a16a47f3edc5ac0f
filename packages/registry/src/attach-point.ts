import * as z from 'zod'
import type { ProgramHandle } from './handles.ts'
import { parseDefinition } from './parse.ts'

/** A program at a place where it runs. Closing detaches; closing twice is fine. */
export interface Link {
  readonly attachPoint: string
  readonly program: ProgramHandle
  readonly closed: boolean
  close(): void
  [Symbol.dispose](): void
}

/** A place where programs of a type run; `attach` is what `attachX` of a hook package calls. */
export interface AttachPointDef<Target = unknown, L extends Link = Link> {
  readonly name: string
  /** Names of the program types that it takes. */
  readonly programTypes: readonly string[]
  readonly attach: (program: ProgramHandle, target: Target) => L
}

const shape = z
  .object({
    name: z.string(),
    programTypes: z.array(z.string()).min(1),
    attach: z.custom((f) => typeof f === 'function', 'a function'),
  })
  .strict()

/** Checks and freezes an attach point. Throws DefinitionError with the path to the field. */
export const defineAttachPoint = <Target, L extends Link>(
  definition: AttachPointDef<Target, L>,
): AttachPointDef<Target, L> => parseDefinition('attachPoint', shape, definition)
