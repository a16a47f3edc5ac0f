import { RuntimeError } from '../errors.ts'
import { kindOf } from '../kind-of.ts'

const MOST = 4095

export interface WorkerOptions {
  /** Workers that may join: shared memory, and a CPU for each beside this thread's, which is CPU 0. */
  readonly workers?: number
  readonly shared?: boolean
  readonly cpus?: number
}

/** What `workers` means for memory and CPUs. Throws RuntimeError BAD_OPTION, and UNSHARED where threads cannot share memory. */
export function withWorkers<O extends WorkerOptions>(options: O): O {
  const { workers } = options
  if (workers === undefined) return options
  if (!Number.isInteger(workers) || workers < 0 || workers > MOST) {
    const given = typeof workers === 'number' ? String(workers) : kindOf(workers)
    throw new RuntimeError(
      'BAD_OPTION',
      'workers',
      `option workers: ${given} is no number of workers; give 0 to ${MOST}`,
    )
  }
  if (options.cpus !== undefined && options.cpus <= workers) {
    throw new RuntimeError(
      'BAD_OPTION',
      'cpus',
      `option cpus: ${options.cpus} are too few for ${workers} workers and this thread; leave cpus out, or give ${workers + 1} at least`,
    )
  }
  if (workers === 0) return options
  checkIsolated()
  return { ...options, shared: true, cpus: options.cpus ?? workers + 1 }
}

/** Throws RuntimeError UNSHARED where the host has no memory that threads can share. */
export function checkIsolated(): void {
  const host = globalThis as { crossOriginIsolated?: boolean; SharedArrayBuffer?: unknown }
  if (host.SharedArrayBuffer !== undefined && host.crossOriginIsolated !== false) return
  throw new RuntimeError(
    'UNSHARED',
    'workers',
    'this page is not cross-origin isolated, so threads cannot share memory; serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
  )
}
