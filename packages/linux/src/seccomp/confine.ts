import { type ClassicInsn, checkSeccomp, encodeClassic } from '@skep/isa'
import { errnoText } from '../errno.ts'
import { KernelArgumentError, KernelError } from '../errors.ts'
import { loadLibc } from './libc.ts'

/** SECCOMP_FILTER_FLAG_* (include/uapi/linux/seccomp.h). */
export const FLAG_TSYNC = 1
export const FLAG_LOG = 2
export const FLAG_NEW_LISTENER = 8
export const FLAG_WAIT_KILLABLE_RECV = 32

export interface ConfineOptions {
  /**
   * `all` threads of this process (the default), those of Node's pool and of workers too; or `this` one, a worker's say. Threads
   * and processes that they start later have the filter as well.
   */
  readonly threads?: 'all' | 'this'
  /** Actions but `allow` go to the kernel's log, as far as /proc/sys/kernel/seccomp/actions_logged has it. */
  readonly log?: boolean
}

/** A filter as bytes, as Linux takes it. */
export function filterBytes(filter: readonly ClassicInsn[]): Uint8Array {
  if (!Array.isArray(filter)) throw new KernelArgumentError('filter', 'give the instructions of a filter')
  try {
    checkSeccomp(filter)
  } catch (error) {
    throw new KernelArgumentError('filter', (error as Error).message)
  }
  return encodeClassic(filter)
}

/**
 * Puts a filter on this process, for good: it cannot be taken off, and what it kills is this process. Sets no_new_privs.
 *
 * @throws KernelArgumentError for what is no filter; KernelError; SeccompUnavailableError
 */
export async function confine(filter: readonly ClassicInsn[], options: ConfineOptions = {}): Promise<void> {
  const insns = filterBytes(filter)
  const libc = await loadLibc()
  const allowed = libc.noNewPrivileges()
  if (allowed < 0) throw new KernelError(errnoText(allowed), 'prctl', 'no_new_privs')
  const all = options.threads !== 'this'
  const result = libc.setFilter((all ? FLAG_TSYNC : 0) | (options.log ? FLAG_LOG : 0), insns)
  if (result === 0) return
  if (result > 0) {
    const mend = "put it on 'this' thread, or confine before starting threads that confine themselves"
    throw new KernelError('ESRCH', 'seccomp', `thread ${result} has a filter that this one has not`, mend)
  }
  throw new KernelError(errnoText(result), 'seccomp', `a filter of ${filter.length} instructions`)
}
