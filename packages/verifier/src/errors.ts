import type { ErrnoName, LineInfo } from '@skep/registry'
import type { RefusalCode, UNCLASSIFIED } from './refusals/table.ts'

export type RejectErrno = ErrnoName

/** Ends a verification. Private to the package: `verify` turns it into a verdict. */
export class Reject extends Error {
  readonly errno: RejectErrno
  /** The lines of the log, the decisive one first. */
  readonly lines: readonly string[]
  readonly register: number | undefined

  /** The lines are in the log already. */
  readonly printed: boolean

  constructor(errno: RejectErrno, lines: readonly string[], register?: number, printed = false) {
    // A source line that the kernel puts before some of its reasons is not the reason.
    super(lines.find((line) => !line.startsWith('; ')) ?? errno)
    this.errno = errno
    this.lines = lines
    this.register = register
    this.printed = printed
  }
}

/** Refuses the program: `lines` go to the log, the first of them is the reason. */
export function fail(errno: RejectErrno, ...lines: string[]): never {
  throw new Reject(errno, lines)
}

/** As `fail`, naming the register at fault. */
export function failReg(register: number, errno: RejectErrno, ...lines: string[]): never {
  throw new Reject(errno, lines, register)
}

/** Where and why a program was refused, without the parts that only a thrown error needs. */
export interface RejectionPlace {
  readonly code: RefusalCode | typeof UNCLASSIFIED
  readonly errno: string
  readonly line: string
  readonly insn: number
  readonly source?: LineInfo
  readonly register?: number
  readonly log: () => string
}

/** A refusal as an exception, for callers that want one: `throw new VerifierError(name, verdict)`. */
export class VerifierError extends Error {
  readonly code = 'VERIFIER_REJECTED'
  override readonly name = 'VerifierError'
  readonly program: string
  /** The kind of refusal, as the verdict's `code`. */
  readonly refusal: RefusalCode | typeof UNCLASSIFIED
  /** As in the kernel: `EACCES`. */
  readonly errno: string
  /** The decisive line of the log, in the kernel's words. */
  readonly line: string
  /** Slot of the instruction. */
  readonly insn: number
  readonly source: LineInfo | undefined
  readonly register: number | undefined
  /** The whole log. */
  readonly log: () => string

  constructor(program: string, place: RejectionPlace) {
    const at = place.source ? ` (${place.source.file}:${place.source.line})` : ''
    super(`program "${program}" refused at instruction ${place.insn}${at}: ${place.line} [${place.errno}]`)
    this.program = program
    this.refusal = place.code
    this.errno = place.errno
    this.line = place.line
    this.insn = place.insn
    this.source = place.source
    this.register = place.register
    this.log = place.log
  }
}
