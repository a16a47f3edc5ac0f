import type { ClassicInsn } from '@skep/isa'

/** A classic program as it was read, before any check. */
export interface ClassicSource {
  readonly insns: readonly ClassicInsn[]
  /** The line of each instruction, counted from 1, where the form has lines of its own. */
  readonly lines?: readonly number[]
}
