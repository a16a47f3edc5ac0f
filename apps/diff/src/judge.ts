import { type Kernel, RowMapCache, verifyRow } from '@skep/linux'
import type { Platform, Row } from '@skep/registry'
import { specFromRow, type Verifier } from '@skep/verifier'

export interface Opinion {
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  /** The decisive line of the log. */
  readonly line?: string
  readonly processed: number
  /** The row was refused before its program came to a verifier. */
  readonly outside?: string
}

/** BPF_LOG_STATS: messages of a refusal and the statistics, without the walk. */
const BPF_LOG_STATS = 4
/** Maps kept before all are made anew. */
const MAPS_KEPT = 200

/** The two that are compared. */
export class Judge {
  readonly #kernel: Kernel
  readonly #verifier: Verifier
  readonly #platform: Platform
  readonly #maps = new RowMapCache()

  constructor(kernel: Kernel, verifier: Verifier, platform: Platform) {
    this.#kernel = kernel
    this.#verifier = verifier
    this.#platform = platform
  }

  kernel(row: Row): Opinion {
    if (this.#maps.size > MAPS_KEPT) this.#maps.clear()
    const answer = verifyRow(this.#kernel, row, { log: true, logLevel: BPF_LOG_STATS, maps: this.#maps })
    const { verdict, errno, line, processed, error } = answer
    return {
      verdict,
      ...(errno ? { errno } : {}),
      ...(line === undefined ? {} : { line }),
      processed,
      ...(error ? { outside: error.message } : {}),
    }
  }

  kernelLog(row: Row, logLevel = 1): string {
    return verifyRow(this.#kernel, row, { log: true, logLevel }).log ?? ''
  }

  skep(row: Row): Opinion {
    const { verdict, processed, ...rest } = this.#verifier.verify(specFromRow(row, this.#platform))
    return 'errno' in rest
      ? { verdict, errno: rest.errno, line: rest.line, processed }
      : { verdict, processed }
  }

  skepLog(row: Row, logLevel = 1): string {
    return this.#verifier.verify({ ...specFromRow(row, this.#platform), logLevel }).log()
  }

  close(): void {
    this.#maps.clear()
  }
}
