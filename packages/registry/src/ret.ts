/**
 * What a helper or kfunc returns, in the verifier's terms: the kernel's `enum bpf_return_type` as data.
 */
export type RetKind =
  | 'integer'
  | 'void'
  | 'map_value'
  | 'mem'
  | 'socket'
  | 'tcp_sock'
  | 'sock_common'
  | 'btf_id'
  | 'mem_or_btf_id'
  | 'kptr'

export interface RetDesc {
  readonly kind: RetKind
  /** PTR_MAYBE_NULL: the program must check before use. */
  readonly nullable?: boolean
  /** The result is a reference that the program must release. */
  readonly acquire?: boolean
  /** For `mem`: bytes, or the number of the argument (0-based) that holds them. */
  readonly size?: number
  readonly sizeArg?: number
  readonly readonly?: boolean
  /** MEM_RINGBUF and similar: memory that only certain helpers take back. */
  readonly ringbuf?: boolean
  /** For `btf_id`: the struct's name in kernel BTF. */
  readonly btf?: string
  readonly trusted?: boolean
  readonly rcu?: boolean
  /** For `integer`: known bounds, inclusive. */
  readonly min?: number
  readonly max?: number
  /** For `integer`: the number of a CPU, below the number that the verifier is told. */
  readonly cpu?: boolean
  /** How a JS implementation's result widens to 64 bits: sign-extended unless said. */
  readonly js?: 'u32' | 'i32' | 'u64' | 'i64' | 'address'
}

type JsRetOf<D extends RetDesc> = D extends { kind: 'void' }
  ? void
  : D extends { kind: 'integer'; js: 'u64' | 'i64' }
    ? bigint
    : number

/** What a JS implementation returns, from the descriptor. */
export type JsRet<D extends RetDesc> = JsRetOf<D>

type Integer<J extends NonNullable<RetDesc['js']>> = { readonly kind: 'integer'; readonly js: J }

export interface RetMemOptions {
  readonly size?: number
  readonly sizeArg?: number
  readonly nullable?: boolean
  readonly readonly?: boolean
}

export interface RetBuilders {
  /** A signed 32-bit number, sign-extended: a count or -errno. */
  scalar(): Integer<'i32'>
  u32(): Integer<'u32'>
  i32(): Integer<'i32'>
  u64(): Integer<'u64'>
  i64(): Integer<'i64'>
  void(): { readonly kind: 'void' }
  /** The address of a value of the map argument, or 0. */
  mapValueOrNull(): { readonly kind: 'map_value'; readonly nullable: true; readonly js: 'address' }
  /** The address of `size` bytes in the arena, or 0 when nullable. */
  mem<const O extends RetMemOptions>(
    options: O,
  ): { readonly kind: 'mem'; readonly js: 'address' } & Readonly<O>
}

export const ret: RetBuilders = {
  scalar: () => ({ kind: 'integer', js: 'i32' }),
  u32: () => ({ kind: 'integer', js: 'u32' }),
  i32: () => ({ kind: 'integer', js: 'i32' }),
  u64: () => ({ kind: 'integer', js: 'u64' }),
  i64: () => ({ kind: 'integer', js: 'i64' }),
  void: () => ({ kind: 'void' }),
  mapValueOrNull: () => ({ kind: 'map_value', nullable: true, js: 'address' }),
  mem: (options) => ({ kind: 'mem', js: 'address', ...options }),
}
