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
  /** Skep's alone: the running kernel would not live through the program. */
  readonly fatal?: boolean
}

/** BPF_LOG_STATS: messages of a refusal and the statistics, without the walk. */
const BPF_LOG_STATS = 4
/** Maps kept before all are made anew. */
const MAPS_KEPT = 200

/** Errors of a busy machine, when they come without a log. */
const TRANSIENT: ReadonlySet<string> = new Set(['ENOMEM', 'EAGAIN', 'EINTR', 'EBUSY', 'ENFILE', 'EMFILE'])
const TRIES = 5
const PAUSE = new Int32Array(new SharedArrayBuffer(4))

const SLOT_DIGITS = 16
const BPF_ALU = 4
const BPF_ALU64 = 7

/**
 * Whether Linux 6.18.44 may crash at this refusal, and kill the process that asked. Where an AND or OR of a sign's mask makes
 * two paths of one (maybe_fork_scalars) and no more paths may wait, it goes on with a null pointer. And of what stands for
 * the map of a work queue it reads the fields before it knows that this is a map that has some (check_kfunc_args).
 */
function isFatal({ insns }: Row, line: string, insn: number): boolean {
  if (/^(?:workqueue|bpf_task_work) pointer in R|^pointer in R\d isn't map pointer/.test(line)) return true
  const code = Number.parseInt(insns.slice(insn * SLOT_DIGITS, insn * SLOT_DIGITS + 2), 16) & 7
  return (code === BPF_ALU || code === BPF_ALU64) && line.startsWith('The sequence of ')
}

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
    // A root that may not load a type (lsm, fentry on some machines) hears so before the program is looked at.
    const denied = errno === 'EPERM' && line === undefined && !row.unprivileged
    return {
      verdict,
      ...(errno ? { errno } : {}),
      ...(line === undefined ? {} : { line }),
      processed,
      ...(error || denied ? { outside: error?.message ?? 'EPERM' } : {}),
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
    if (!('errno' in rest)) return { verdict, processed }
    const { errno, line, insn } = rest
    return { verdict, errno, line, processed, ...(isFatal(row, line, insn) ? { fatal: true } : {}) }
  }

  skepLog(row: Row, logLevel = 1): string {
    return this.#verifier.verify({ ...specFromRow(row, this.#platform), logLevel }).log()
  }

  close(): void {
    this.#maps.clear()
  }
}
