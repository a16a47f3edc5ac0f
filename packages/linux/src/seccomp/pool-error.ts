/**
 * Why a task has no result. `KILLED`: its process was ended by a signal, by the filter where that is SIGSYS; `EXITED`: it ended
 * itself; `TIMEOUT`: it took too long, and was ended; `BAD_TASK`: the module exports no such function; `BAD_MODULE`: it does not
 * load; `NO_FILTER`: the filter was not taken; `QUEUE_FULL`; `CLOSED`.
 */
export type ConfinedPoolErrorCode =
  | 'KILLED'
  | 'EXITED'
  | 'TIMEOUT'
  | 'BAD_TASK'
  | 'BAD_MODULE'
  | 'NO_FILTER'
  | 'QUEUE_FULL'
  | 'CLOSED'

export class ConfinedPoolError extends Error {
  override readonly name = 'ConfinedPoolError'
  readonly code: ConfinedPoolErrorCode
  /** The task's name; undefined where none was at work. */
  readonly task: string | undefined
  /** What ended the process, with KILLED. */
  readonly signal: NodeJS.Signals | undefined

  constructor(
    code: ConfinedPoolErrorCode,
    fact: string,
    about: {
      readonly task?: string | undefined
      readonly signal?: NodeJS.Signals
      readonly cause?: unknown
    } = {},
  ) {
    super(fact, about.cause === undefined ? undefined : { cause: about.cause })
    this.code = code
    this.task = about.task
    this.signal = about.signal
  }
}
