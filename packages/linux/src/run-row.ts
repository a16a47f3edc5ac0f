import { decisiveLine } from './decisive-line.ts'
import type { Kernel } from './kernel.ts'
import { loadRow, rowFailure } from './load-row.ts'
import { bytesOfHex, hexOfBytes, parseRow } from './row.ts'
import { nameOf } from './verify-row.ts'

export interface RunAnswer {
  readonly name: string
  /** Unsigned 32 bits; 0 with `error`. */
  readonly retval: number
  /** Hex of the packet afterwards, when the row has `data`. */
  readonly data_out?: string
  /** Hex of the context afterwards, when the row has `ctx`. */
  readonly ctx_out?: string
  /** The kernel's average of a run in nanoseconds. */
  readonly duration_ns?: number
  readonly error?: { readonly code: string; readonly message: string; readonly errno?: string }
}

/** BPF_PROG_TEST_RUN of a row of `skep run --jsonl`. Never throws for a row, whatever its shape. */
export const runRow = (kernel: Kernel, value: unknown): RunAnswer => {
  const name = nameOf(value)
  try {
    const row = parseRow(value)
    const loaded = loadRow(kernel, row, { lazyLog: true })
    try {
      const { program } = loaded
      if (!program.ok) {
        const line = decisiveLine(program.log)
        const message = `the kernel rejects the program: ${program.errno}${line ? `: ${line}` : ''}`
        return { name, retval: 0, error: { code: 'VERIFIER_REJECTED', message, errno: program.errno } }
      }
      const result = program.testRun({
        ...(row.data !== undefined ? { dataIn: bytesOfHex(row.data) } : {}),
        ...(row.ctx !== undefined ? { ctxIn: bytesOfHex(row.ctx) } : {}),
        repeat: row.repeat ?? 0,
      })
      return {
        name,
        retval: result.retval,
        ...(row.data !== undefined ? { data_out: hexOfBytes(result.dataOut) } : {}),
        ...(row.ctx !== undefined ? { ctx_out: hexOfBytes(result.ctxOut) } : {}),
        duration_ns: result.durationNs,
      }
    } finally {
      loaded.close()
    }
  } catch (thrown) {
    const error = rowFailure(thrown)
    return { name, retval: 0, error }
  }
}
