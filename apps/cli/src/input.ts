import { readFile } from 'node:fs/promises'
import { type CollectionSpec, type ParseOptions, type Platform, parseObject } from '@skep/runtime'
import { UsageError } from './report.ts'

/** The bytes of a file; a system error tells the file, also where Node leaves it out. */
export async function readInput(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw Object.assign(error as Error, { path: file })
  }
}

/** The error with the file that it is about before its message. */
export function about(file: string, error: unknown): unknown {
  if (error instanceof Error && (error as NodeJS.ErrnoException).path === undefined) {
    error.message = `${file}: ${error.message}`
  }
  return error
}

/** An object file as a spec. */
export async function readObject(
  file: string,
  platform: Platform,
  options: ParseOptions = {},
): Promise<CollectionSpec> {
  const bytes = await readInput(file)
  try {
    return parseObject(bytes, platform, options)
  } catch (error) {
    throw about(file, error)
  }
}

/** Bytes from hex digits on the command line. */
export function parseHex(text: string, option: string): Uint8Array {
  if (text.length % 2 === 0 && !/[^0-9a-f]/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw new UsageError(`${option} takes pairs of hex digits, not "${text}"`)
}
