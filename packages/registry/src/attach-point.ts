import type { ProgramHandle } from './handles.ts'

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
  /** A method, so that it may ask for a program of its types alone. */
  attach(program: ProgramHandle, target: Target): L
}
