import { type Kernel, RowMapCache, type VerifyAnswer, verifyRow } from '@skep/linux'
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

/** Errors of a busy machine, when they come without a log. */
const TRANSIENT: ReadonlySet<string> = new Set(['ENOMEM', 'EAGAIN', 'EINTR', 'EBUSY', 'ENFILE', 'EMFILE'])
const TRIES = 5
const PAUSE = new Int32Array(new SharedArrayBuffer(4))

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
    let answer = this.#ask(row)
    // What the kernel lacked for a moment says nothing of the program.
    for (let tries = 0; tries < TRIES && TRANSIENT.has(answer.errno ?? '') && !answer.line; tries++) {
      this.#maps.clear()
      Atomics.wait(PAUSE, 0, 0, 100 << tries)
      answer = this.#ask(row)
    }
    const { verdict, errno, line, processed, error } = answer
    return {
      verdict,
      ...(errno ? { errno } : {}),
      ...(line === undefined ? {} : { line }),
      processed,
      ...(error ? { outside: error.message } : {}),
    }
  }

  #ask(row: Row): VerifyAnswer {
    return verifyRow(this.#kernel, row, { log: true, logLevel: BPF_LOG_STATS, maps: this.#maps })
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
