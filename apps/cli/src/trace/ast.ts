/** What a tracing program is made of: bpftrace's words, as far as `skep trace` has them. */
export interface ProbeName {
  readonly kind: 'kprobe' | 'kretprobe' | 'usdt' | 'tracepoint' | 'profile' | 'session'
  /** Module of a function, empty for others. */
  readonly module: string
  /** Path of a function, name of a channel or tracepoint, samples a second. */
  readonly target: string
  /** As it was written. */
  readonly text: string
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '&&'
  | '||'

/** `elapsed`: nanoseconds since the entry, of sessions; programs of text have none. */
export type Builtin =
  | 'nsecs'
  | 'pid'
  | 'tid'
  | 'func'
  | 'probe'
  | 'comm'
  | 'retval'
  | 'ustack'
  | 'kstack'
  | 'elapsed'

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'builtin'; readonly name: Builtin; readonly at: number }
  /** An argument, or what a path of properties leads to from it: `arg0.request.url`. */
  | { readonly kind: 'argument'; readonly path: readonly string[]; readonly at: number }
  | { readonly kind: 'str'; readonly of: Expression; readonly at: number }
  | { readonly kind: 'map'; readonly map: MapUse }
  | { readonly kind: 'unary'; readonly operator: '!' | '-' | '~'; readonly of: Expression }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly at: number
    }

export interface MapUse {
  readonly name: string
  readonly keys: readonly Expression[]
  readonly at: number
}

export type Aggregate = 'count' | 'sum' | 'min' | 'max' | 'hist'

export type Statement =
  | { readonly kind: 'aggregate'; readonly map: MapUse; readonly with: Aggregate; readonly of?: Expression }
  | { readonly kind: 'assign'; readonly map: MapUse; readonly value: Expression }
  | { readonly kind: 'delete'; readonly map: MapUse }

export interface Clause {
  readonly probes: readonly ProbeName[]
  readonly filter?: Expression
  readonly body: readonly Statement[]
}

/** A program that is refused, and where. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
  readonly code = 'BAD_PROGRAM'
  /** Where in the program's text, from 0. */
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}
