import { type ParseArgsConfig, parseArgs } from 'node:util'
import { BenchError } from './errors.ts'

/** parseArgs of node:util. Throws BenchError BAD_OPTION. */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new BenchError('BAD_OPTION', (error as Error).message, error)
  }
}

/** The number that an option gives, `fallback` where it is absent. Throws BenchError BAD_OPTION. */
export function readNumber(
  option: string,
  text: string | undefined,
  fallback: number,
  { least, whole = false }: { readonly least: number; readonly whole?: boolean },
): number {
  const value = text === undefined ? fallback : Number(text)
  if (value >= least && value <= 1e6 && (!whole || Number.isInteger(value))) return value
  throw new BenchError('BAD_OPTION', `--${option} is ${text}; give a number from ${least} to 1000000`)
}
