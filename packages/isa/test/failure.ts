import { AssemblyError } from '../src/index.ts'

/** The error with which an assembler refuses a text. */
export function failure(assemble: (text: string) => unknown, text: string): AssemblyError {
  try {
    assemble(text)
  } catch (error) {
    if (error instanceof AssemblyError) return error
    throw error
  }
  throw new Error(`${text} was accepted`)
}
