import type { Random } from '../random.ts'

/** A loader under test. */
export interface FuzzTarget {
  readonly name: string
  /** Bytes that every parse may take besides; 256 KiB unless said. */
  readonly fixed?: number
  /** A mutated input; its size in bytes is what its memory is compared with. */
  make(random: Random): { readonly size: number; readonly parse: () => unknown; readonly show: () => string }
  /** The code of an error that the loader promises, undefined for any other. */
  codeOf(error: unknown): string | undefined
}

/** An error of one class with a literal code, a message of one line and of a bounded length. */
export function typed(
  error: unknown,
  ...classes: readonly (new (
    ...args: never[]
  ) => Error)[]
): string | undefined {
  if (!classes.some((one) => error instanceof one)) return undefined
  const { code, message } = error as Error & { code?: unknown }
  return typeof code === 'string' && !message.includes('\n') && message.length <= LONGEST_MESSAGE
    ? code
    : undefined
}

const LONGEST_MESSAGE = 2000

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
