import type { Condition } from './condition.ts'

/** Where a breakpoint stands: before each instruction of this kind. */
export type Location =
  /** A slot of a program; of the one that is debugged when absent. */
  | { readonly kind: 'insn'; readonly pc: number; readonly program?: string }
  /** A line of source, or the next one that has code; `file` may be the end of a path. */
  | { readonly kind: 'line'; readonly line: number; readonly file?: string; readonly program?: string }
  /** The first instruction of a program or subprogram. */
  | { readonly kind: 'function'; readonly name: string; readonly program?: string }
  /** Every call of a helper or kernel function, by name or a helper's id. */
  | { readonly kind: 'helper'; readonly name: string | number }

export interface BreakpointOptions {
  /** Stops where this is not 0; see `parseCondition`. */
  readonly condition?: string
  /** Lets so many hits pass first. Default 0. */
  readonly ignore?: number
}

export interface Breakpoint extends BreakpointOptions {
  readonly id: number
  readonly location: Location
  /** Where it stands, by program: slots of instructions. */
  readonly slots: ReadonlyMap<string, readonly number[]>
  /** The line that it stands at, where that was asked for: the next one with code. */
  readonly line?: number
  /** How often it was met, its condition being true. */
  readonly hits: number
}

/** What is watched for a change. */
export type Watched =
  | { readonly kind: 'memory'; readonly address: number; readonly size: number }
  | { readonly kind: 'register'; readonly register: number }
  /** The value of a map's key, its being there included. */
  | { readonly kind: 'map'; readonly map: string; readonly key: Uint8Array }

export interface Watchpoint {
  readonly id: number
  readonly watched: Watched
  readonly hits: number
}

/** Why the program stands where it does. */
export type StopReason =
  | 'entry'
  | 'step'
  | 'breakpoint'
  | 'watchpoint'
  /** So many steps were made as was allowed. */
  | 'limit'
  /** The first instruction, or the oldest state that is kept, going backward. */
  | 'beginning'
  | 'exited'
  | 'faulted'

export interface Stop {
  readonly reason: StopReason
  /** Breakpoints and watchpoints that stopped it. */
  readonly ids: readonly number[]
}

/** A breakpoint while it stands. */
export interface Standing {
  readonly id: number
  readonly location: Location
  readonly options: BreakpointOptions
  readonly slots: ReadonlyMap<string, readonly number[]>
  readonly line?: number
  readonly condition: Condition | undefined
  hits: number
}

/** A watchpoint while it stands, and what was seen last. */
export interface Watching {
  readonly id: number
  readonly watched: Watched
  seen: string
  hits: number
}
