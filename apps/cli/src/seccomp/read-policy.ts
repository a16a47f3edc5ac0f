import { text } from 'node:stream/consumers'
import { compilePolicy, parsePolicy, SeccompError, type SeccompPolicy } from '@skep/hook-seccomp'
import { type ClassicInsn, parseClassic } from '@skep/loader-cbpf'
import { about, readInput } from '../input.ts'
import { RefusedError } from '../report.ts'

async function bytesOf(file: string): Promise<Uint8Array> {
  return file === '-' ? new TextEncoder().encode(await text(process.stdin)) : readInput(file)
}

function parseJson(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new RefusedError('BAD_JSON', `${file}: not JSON: ${(error as Error).message}`)
  }
}

/** The file that an error is about stands before its message; its own `path` is one inside of the file. */
export const inFile = (file: string, error: unknown): unknown =>
  error instanceof SeccompError
    ? new RefusedError(error.code, `${file}: ${error.message}`)
    : about(file, error)

/** The JSON of a file, `-` for standard input. */
export const readJson = async (file: string): Promise<unknown> => parseJson(file, await bytesOf(file))

function asPolicy(file: string, json: unknown): SeccompPolicy {
  if (typeof json === 'object' && json !== null && 'defaultAction' in json) {
    const mend = `skep seccomp import oci ${file}`
    throw new RefusedError(
      'BAD_POLICY',
      `${file} is a profile of a container runtime; make a policy of it: ${mend}`,
    )
  }
  try {
    return parsePolicy(json)
  } catch (error) {
    throw inFile(file, error)
  }
}

/** A policy as JSON. Throws RefusedError, SeccompError with the file before its message. */
export const readPolicy = async (file: string): Promise<SeccompPolicy> => asPolicy(file, await readJson(file))

/** A policy as JSON, or a filter in any form of classic programs: `-ddd` numbers, `bpf_asm` text, C, bytes. */
export async function readFilter(file: string): Promise<ClassicInsn[]> {
  const bytes = await bytesOf(file)
  try {
    // C initialisers begin with a brace too.
    const isJson = /^\s*\{\s*["}]/.test(new TextDecoder().decode(bytes.subarray(0, 256)))
    return isJson ? compilePolicy(asPolicy(file, parseJson(file, bytes))) : [...parseClassic(bytes)]
  } catch (error) {
    throw inFile(file, error)
  }
}
