/** seccomp(2) cannot be used here: `reason` is one sentence fit for a test's skip note. */
export class SeccompUnavailableError extends Error {
  override readonly name = 'SeccompUnavailableError'
  readonly code = 'SECCOMP_UNAVAILABLE'
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(`seccomp(2) is unavailable: ${reason}`, options)
    this.reason = reason
  }
}

/** A confined child that did not come to run its command: `errno` is the kernel's, `step` what failed. */
export class ConfinedSpawnError extends Error {
  override readonly name = 'ConfinedSpawnError'
  readonly code = 'CONFINED_SPAWN'
  readonly errno: string
  readonly step: string

  constructor(step: string, errno: string, what: string) {
    super(`${step}: ${errno}: ${what}`)
    this.errno = errno
    this.step = step
  }
}
