import { decisiveLine, processedInsns } from './decisive-line.ts'
import type { Kernel } from './kernel.ts'
import { loadRow, type RowMapCache, rowFailure } from './load-row.ts'
import { parseRow } from './row.ts'

export interface VerifyAnswer {
  readonly name: string
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  /** The log line that says why. */
  readonly line?: string
  /** With `log`: the whole log. */
  readonly log?: string
  /** Instructions that the verifier walked. */
  readonly processed: number
  /** When the row was refused before its program reached the verifier: a map, BTF or a malformed row. */
  readonly error?: { readonly code: string; readonly message: string }
}

export interface VerifyRowOptions {
  /** Answer with the log. */
  readonly log?: boolean
  /** BPF_LOG_LEVEL1 = 1 (the path that fails, the default) or 2 (every path). */
  readonly logLevel?: number
  /** Maps to take instead of making the same again. */
  readonly maps?: RowMapCache
}

/** The kernel's verdict on a row of `skep verify --jsonl`. Never throws for a row, whatever its shape. */
export const verifyRow = (kernel: Kernel, value: unknown, options: VerifyRowOptions = {}): VerifyAnswer => {
  const name = nameOf(value)
  try {
    const loaded = loadRow(kernel, parseRow(value), {
      logLevel: options.logLevel ?? 1,
      lazyLog: !options.log,
      ...(options.maps ? { maps: options.maps } : {}),
    })
    const { program } = loaded
    const log = options.log ? { log: program.log } : {}
    const processed = processedInsns(program.log)
    const line = decisiveLine(program.log)
    loaded.close()
    if (program.ok) return { name, verdict: 'accept', ...log, processed }
    return { name, verdict: 'reject', errno: program.errno, ...(line ? { line } : {}), ...log, processed }
  } catch (thrown) {
    const { errno, ...error } = rowFailure(thrown)
    return { name, verdict: 'reject', ...(errno ? { errno } : {}), processed: 0, error }
  }
}

export const nameOf = (value: unknown): string => {
  const name = typeof value === 'object' && value !== null ? (value as { name?: unknown }).name : undefined
  return typeof name === 'string' ? name : ''
}
