/** Why the kernel cannot be reached. */
export type UnavailableCause =
  | 'not-linux'
  | 'architecture'
  | 'no-koffi'
  | 'no-libc'
  | 'no-syscall'
  | 'not-permitted'

/** bpf(2) cannot be used here: `reason` is one sentence fit for a test's skip note. */
export class LinuxUnavailableError extends Error {
  override readonly name = 'LinuxUnavailableError'
  readonly code = 'LINUX_UNAVAILABLE'
  readonly unavailable: UnavailableCause
  readonly reason: string

  constructor(unavailable: UnavailableCause, reason: string, options?: ErrorOptions) {
    super(`the Linux kernel's bpf(2) is unavailable: ${reason}`, options)
    this.unavailable = unavailable
    this.reason = reason
  }
}

/** A system call that the kernel refused. */
export class KernelError extends Error {
  override readonly name = 'KernelError'
  readonly code = 'KERNEL_ERROR'
  /** As the kernel spells it: `EINVAL`, or `errno 600` for a number without a name. */
  readonly errno: string
  /** The bpf(2) command (`BPF_MAP_CREATE`) or the system call (`capset`). */
  readonly command: string
  /** What the kernel wrote to the log, where the command has one. */
  readonly log: string

  constructor(errno: string, command: string, what: string, mend?: string, log = '') {
    super(`${command}: ${errno}: ${what}${mend ? `; ${mend}` : ''}`)
    this.errno = errno
    this.command = command
    this.log = log
  }
}

/** An argument that would make no sense to the kernel: refused before any system call. */
export class KernelArgumentError extends Error {
  override readonly name = 'KernelArgumentError'
  readonly code = 'KERNEL_ARGUMENT'
  /** Path of the argument: `map.key`, `program.insns`, `row.refs[2].map`. */
  readonly argument: string

  constructor(argument: string, message: string) {
    super(`${argument}: ${message}`)
    this.argument = argument
  }
}

/** A collection needs something that the running kernel has not, such as what a plugin defines. Nothing was made. */
export class KernelUnsupportedError extends Error {
  override readonly name = 'KernelUnsupportedError'
  readonly code = 'KERNEL_UNSUPPORTED'
  /** `map type`, `program type`, `helper`, `function`. */
  readonly kind: string
  /** What is missing. */
  readonly subject: string

  constructor(kind: string, subject: string, user: string) {
    super(`${user} needs ${kind} ${subject}, which this kernel has not; load it on one of Skep's own engines`)
    this.kind = kind
    this.subject = subject
  }
}
