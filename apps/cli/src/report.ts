import pc from 'picocolors'

/** Exit statuses of every command. */
export const EXIT = { fine: 0, refused: 1, usage: 2 } as const

/** Input that a command refuses: the reason goes to stderr, the status is 1. */
export class RefusedError extends Error {
  readonly code: string
  override readonly name = 'RefusedError'

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A wrong use of the command line: status 2. */
export class UsageError extends Error {
  readonly code = 'USAGE'
  override readonly name = 'UsageError'
}

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory, not a file',
  EACCES: 'may not be read',
}

function describe(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'ERROR', message: String(error) }
  const { code, path } = error as NodeJS.ErrnoException
  const known = code !== undefined && path !== undefined ? systemErrors[code] : undefined
  if (known) return { code: code!, message: `${path}: ${known}` }
  return { code: typeof code === 'string' ? code : error.name, message: error.message }
}

/** Whether an error is one that Skep's packages raise on purpose, or the system's about a file. */
export const isTyped = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string'

/** Prints the error and returns the exit status that goes with it. */
export function reportError(error: unknown): number {
  const { code, message } = describe(error)
  process.stderr.write(`${pc.red('skep:')} ${message} ${pc.dim(`[${code}]`)}\n`)
  if (!isTyped(error) && error instanceof Error && error.stack)
    process.stderr.write(`${pc.dim(error.stack)}\n`)
  return error instanceof UsageError ? EXIT.usage : EXIT.refused
}

/** The error as JSON commands answer it. */
export const errorAsJson = (error: unknown): { code: string; message: string } => describe(error)
