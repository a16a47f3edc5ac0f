import type { CollectionSpec, ProgramFacts } from '@skep/runtime'

/** What the checker asks its thread, and what that answers. All of it is data that threads hand to each other. */
export interface CheckRequest {
  readonly id: number
  readonly object: Uint8Array
}

/** An object whose programs the verifier has accepted, with what it proved of each. */
export interface CheckedObject {
  readonly spec: CollectionSpec
  readonly facts: Readonly<Record<string, ProgramFacts>>
  /** Instructions walked. */
  readonly processed: number
}

/** Why an upload is refused, for the tenant to read. */
export interface Refusal {
  /** That of the verifier, the loader or the runtime: `LOOP_INFINITE`, `BAD_HEADER`, `ENOMEM`. */
  readonly code: string
  readonly text: string
}

export type CheckAnswer = { readonly id: number } & (
  | { readonly checked: CheckedObject }
  | { readonly refusal: Refusal }
)

/** An upload was refused; nothing has changed. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly code: string

  constructor({ code, text }: Refusal) {
    super(text)
    this.code = code
  }
}

/** What an error of the loader or the runtime tells the tenant. */
export const refusalOf = (error: unknown): Refusal => ({
  code: String((error as { code?: unknown }).code ?? 'REFUSED'),
  text: (error as Error).message,
})
