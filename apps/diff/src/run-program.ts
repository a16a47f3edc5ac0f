import { LinuxUnavailableError } from '@skep/linux'
import { UsageError } from './options.ts'

export interface ProgramParts<O> {
  /** Throws UsageError. */
  readonly parseOptions: (args: string[]) => O
  readonly usage: string
  /** Does what the options ask for; the exit status. */
  readonly run: (options: O) => Promise<number>
}

/** Runs a program of this app with the command line's options. The exit status: 2 where they are wrong, 1 without a kernel. */
export async function runProgram<O extends { readonly help: boolean }>(
  parts: ProgramParts<O>,
): Promise<number> {
  try {
    const options = parts.parseOptions(process.argv.slice(2))
    if (!options.help) return await parts.run(options)
    console.log(parts.usage)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof LinuxUnavailableError)) throw error
    console.error(error.message)
    return error instanceof UsageError ? 2 : 1
  }
}
