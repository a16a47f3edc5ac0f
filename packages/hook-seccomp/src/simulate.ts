import type { ClassicInsn } from '@skep/isa'
import type { ProgramHandle } from '@skep/registry'
import {
  actionName,
  actionPart,
  dataPart,
  ENOSYS,
  MAX_ERRNO,
  SECCOMP_RET_ALLOW,
  type SeccompActionName,
} from './actions.ts'
import { checkPath, type FilterFunction, prepareFilter } from './filter.ts'
import { programFilter } from './program.ts'
import { type SeccompCall, seccompWords } from './seccomp-data.ts'

/** A filter: classic instructions, or a program of type `seccomp` that a runtime has loaded. */
export type SeccompFilter = readonly ClassicInsn[] | ProgramHandle

export interface SimulateOptions {
  /** A tracer takes SECCOMP_RET_TRACE; without one the call fails with ENOSYS. Default false. */
  readonly tracer?: boolean
  /** A supervisor listens for SECCOMP_RET_USER_NOTIF; without one the call fails with ENOSYS. Default false. */
  readonly listener?: boolean
}

/** What becomes of a system call. */
export interface SeccompDecision {
  readonly action: SeccompActionName
  /** Action and data, as the deciding filter returned them. */
  readonly value: number
  /** SECCOMP_RET_DATA: the lower 16 bits of `value`. */
  readonly data: number
  /** Which filter decided, 0 the oldest: of those with this action the newest. Undefined when none objected. */
  readonly filter: number | undefined
  /** The call is carried out: `allow` and `log`; with `user_notif` and `trace` that is another's to say. */
  readonly runs: boolean
  /** The call is not carried out and returns minus this; 0 where it returns 0. */
  readonly errno?: number
  /** What each filter returned, oldest first. */
  readonly results: readonly number[]
}

/** Filters stacked on a task, oldest first. */
export interface SeccompSimulator {
  decide(call: SeccompCall): SeccompDecision
}

/**
 * Stacks filters as a task has them, oldest first, to decide many calls.
 *
 * @throws SeccompError `BAD_FILTER`, `PATH_TOO_LONG`: what Linux would not take; `BAD_PROGRAM`
 */
export function createSimulator(
  filters: SeccompFilter | readonly SeccompFilter[],
  options: SimulateOptions = {},
): SeccompSimulator {
  const stack = stackOf(filters)
  const functions = stack.map(
    (one, index): FilterFunction => (isClassic(one) ? prepareFilter(one, index) : programFilter(one, index)),
  )
  checkPath(stack.filter(isClassic))
  return { decide: (call) => decide(functions, seccompWords(call), options) }
}

/**
 * Says what Linux does with a system call of a task that has these filters (kernel/seccomp.c, __seccomp_filter): all of them
 * run, the lowest action as a signed number wins, and of equal ones the newest filter's data. Oldest first.
 *
 * @throws SeccompError `BAD_FILTER`, `PATH_TOO_LONG`; `UNKNOWN_ARCH`, `UNKNOWN_SYSCALL`, `BAD_CALL`
 */
export function simulate(
  filters: SeccompFilter | readonly SeccompFilter[],
  call: SeccompCall,
  options: SimulateOptions = {},
): SeccompDecision {
  return createSimulator(filters, options).decide(call)
}

const isClassic = (filter: SeccompFilter): filter is readonly ClassicInsn[] => Array.isArray(filter)

function stackOf(filters: SeccompFilter | readonly SeccompFilter[]): readonly SeccompFilter[] {
  if (!Array.isArray(filters)) return [filters as ProgramHandle]
  if (filters.length === 0) return []
  const first: unknown = filters[0]
  const one = first !== null && typeof first === 'object' && 'code' in first && 'k' in first
  return one ? [filters as readonly ClassicInsn[]] : (filters as readonly SeccompFilter[])
}

function decide(
  functions: readonly FilterFunction[],
  words: Uint32Array,
  { tracer = false, listener = false }: SimulateOptions,
): SeccompDecision {
  const results = functions.map((filter) => filter(words) >>> 0)
  let value = SECCOMP_RET_ALLOW
  let filter: number | undefined
  for (let index = results.length - 1; index >= 0; index--) {
    const result = results[index]!
    if ((actionPart(result) | 0) >= (actionPart(value) | 0)) continue
    value = result
    filter = index
  }
  const action = actionName(value)
  const data = dataPart(value)
  const errno =
    action === 'errno'
      ? Math.min(data, MAX_ERRNO)
      : (action === 'trace' && !tracer) || (action === 'user_notif' && !listener)
        ? ENOSYS
        : undefined
  const runs = action === 'allow' || action === 'log'
  return { action, value, data, filter, runs, ...(errno === undefined ? {} : { errno }), results }
}
