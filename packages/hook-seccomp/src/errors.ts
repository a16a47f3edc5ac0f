/**
 * What is wrong. Of filters: `BAD_FILTER` (Linux would not take it: EINVAL), `PATH_TOO_LONG` (too many instructions stacked:
 * ENOMEM). Of calls: `UNKNOWN_ARCH`, `UNKNOWN_SYSCALL`, `BAD_CALL`. Of policies: `BAD_POLICY` (not of the shape), `CONFLICT`
 * (two rules answer the same call), `INEXPRESSIBLE` (no filter can say it), `TOO_LONG` (more than 4,096 instructions). Of
 * imports: `BAD_PROFILE`. Of programs of a runtime: `BAD_PROGRAM`, `FAULT`. Of guards: `BAD_PROGRAM`, `BAD_OPTION`.
 */
export type SeccompErrorCode =
  | 'BAD_FILTER'
  | 'PATH_TOO_LONG'
  | 'UNKNOWN_ARCH'
  | 'UNKNOWN_SYSCALL'
  | 'BAD_CALL'
  | 'BAD_POLICY'
  | 'CONFLICT'
  | 'INEXPRESSIBLE'
  | 'TOO_LONG'
  | 'BAD_PROFILE'
  | 'BAD_PROGRAM'
  | 'BAD_OPTION'
  | 'FAULT'

export interface SeccompPlace {
  /** Which of the stacked filters, 0 the oldest. */
  readonly filter?: number
  /** The index of the classic instruction. */
  readonly insn?: number
  /** Where in a policy or a profile: `rules.3.args.0.value`. */
  readonly path?: string
}

const LONGEST_FACT = 300

/** A filter, call, policy or profile that cannot be meant: where, the decisive fact and, where there is one, the mend. */
export class SeccompError extends Error {
  override readonly name = 'SeccompError'
  readonly code: SeccompErrorCode
  readonly filter: number | undefined
  readonly insn: number | undefined
  readonly path: string | undefined

  constructor(code: SeccompErrorCode, fact: string, place: SeccompPlace = {}, options?: ErrorOptions) {
    const where = [
      place.filter === undefined ? '' : `filter ${place.filter}`,
      place.insn === undefined ? '' : `insn ${place.insn}`,
      place.path ?? '',
    ].filter((part) => part !== '')
    const shown = fact.length > LONGEST_FACT ? `${fact.slice(0, LONGEST_FACT)}...` : fact
    super(`${where.join(', ')}${where.length > 0 ? ': ' : ''}${shown}`, options)
    this.code = code
    this.filter = place.filter
    this.insn = place.insn
    this.path = place.path
  }
}
