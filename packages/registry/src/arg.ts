import type { MapHandle } from './handles.ts'

/**
 * What a helper or kfunc takes, in the verifier's terms: the kernel's `enum bpf_arg_type` (include/linux/bpf.h) as
 * data. `kind` is the ARG_ name without prefix; the flags beside it are the kernel's type flags.
 */
export type ArgKind =
  | 'anything'
  | 'const_map_ptr'
  | 'map_key'
  | 'map_value'
  | 'mem'
  | 'const_size'
  | 'const_size_or_zero'
  | 'const_alloc_size_or_zero'
  | 'ctx'
  | 'spin_lock'
  | 'timer'
  | 'sock_common'
  | 'socket'
  | 'btf_id'
  | 'btf_id_sock_common'
  | 'percpu_btf_id'
  | 'ringbuf_mem'
  | 'func'
  | 'stack'
  | 'const_str'
  | 'kptr_xchg_dest'
  | 'dynptr'
  | 'arena'

export interface ArgDesc {
  readonly kind: ArgKind
  /** As the C prototype names it, for messages and documentation. */
  readonly name?: string
  /** PTR_MAYBE_NULL: a null pointer (or zero) is allowed. */
  readonly nullable?: boolean
  /** What the helper does with the memory: MEM_RDONLY, MEM_WRITE, or both; `uninit` (MEM_UNINIT) may be unwritten before. */
  readonly access?: 'read' | 'write' | 'readwrite'
  readonly uninit?: boolean
  /** MEM_FIXED_SIZE: bytes, when no size argument follows. */
  readonly size?: number
  /** MEM_ALIGNED: fixed-size memory must be aligned to its size. */
  readonly aligned?: boolean
  /** OBJ_RELEASE: a reference passed here is released. */
  readonly release?: boolean
  /** For `const_map_ptr`: the map types allowed (names), any when absent. */
  readonly mapTypes?: readonly string[]
  /** For `btf_id`: the kernel structs allowed. */
  readonly btf?: readonly string[]
  /** For `dynptr`: the dynptr types allowed (`local`, `ringbuf`, `skb`, `xdp`). */
  readonly dynptr?: readonly string[]
  /** For `anything`: must be the constant 0, since the helper cannot return an error (get_local_storage's flags). */
  readonly zero?: boolean
  /** For memory: only pointers into map values (dynptr_from_mem's data). */
  readonly mapValueOnly?: boolean
  /** For `func`: which set of callback arguments the helper passes (see helper.ts CallbackKind). */
  readonly callback?: CallbackKind
  /** For `anything`: how a JS implementation receives the value; u32 when absent. */
  readonly js?: 'u32' | 'i32' | 'u64' | 'i64' | 'address'
}

/** The callbacks that helpers run; the verifier sets up their arguments by this name. */
export type CallbackKind =
  | 'for_each_map_elem'
  | 'loop'
  | 'timer'
  | 'find_vma'
  | 'user_ringbuf_drain'
  | 'rbtree_add'
  | 'workqueue'
  | 'task_work'
  | 'exception'

type Js<D extends ArgDesc> = D extends { kind: 'const_map_ptr' }
  ? MapHandle
  : D extends { kind: 'mem' | 'map_key' | 'map_value' | 'ringbuf_mem' | 'stack' | 'arena' }
    ? Uint8Array | (D extends { nullable: true } ? undefined : never)
    : D extends { kind: 'const_str' }
      ? string
      : D extends { kind: 'anything'; js: 'u64' | 'i64' }
        ? bigint
        : number

/**
 * The parameters of a JS implementation, from the descriptors: memory and the size argument after it become one
 * Uint8Array; maps a handle; scalars a number (or a bigint where the descriptor says 64 bits); pointers to contexts
 * and objects their address.
 */
export type JsArgs<A extends readonly ArgDesc[]> = A extends readonly [
  infer M extends ArgDesc,
  infer S extends ArgDesc,
  ...infer R extends readonly ArgDesc[],
]
  ? M extends { kind: 'mem' }
    ? S extends { kind: 'const_size' | 'const_size_or_zero' }
      ? [Js<M>, ...JsArgs<R>]
      : [Js<M>, ...JsArgs<[S, ...R]>]
    : [Js<M>, ...JsArgs<[S, ...R]>]
  : A extends readonly [infer D extends ArgDesc]
    ? [Js<D>]
    : []

export interface MemOptions {
  readonly access?: 'read' | 'write' | 'readwrite'
  readonly size?: number
  readonly nullable?: boolean
  readonly aligned?: boolean
}

type Anything<J extends NonNullable<ArgDesc['js']>> = { readonly kind: 'anything'; readonly js: J }

export interface ArgBuilders {
  /** An unsigned 32-bit number: the low half of the register. */
  scalar(): Anything<'u32'>
  u32(): Anything<'u32'>
  i32(): Anything<'i32'>
  /** The whole register as an unsigned bigint; slower to pass than a 32-bit one. */
  u64(): Anything<'u64'>
  i64(): Anything<'i64'>
  /** The context, as its address. */
  ctx(): { readonly kind: 'ctx' }
  map<const O extends { readonly types?: readonly string[] }>(
    options?: O,
  ): { readonly kind: 'const_map_ptr'; readonly mapTypes?: readonly string[] }
  mapKey(): { readonly kind: 'map_key'; readonly access: 'read' }
  mapValue(): { readonly kind: 'map_value'; readonly access: 'read' }
  /** Memory; followed by `arg.size()` unless `size` is given. `write` memory may be uninitialised before. */
  mem<const O extends MemOptions>(
    options: O,
  ): { readonly kind: 'mem'; readonly uninit: boolean } & Readonly<O>
  /** The size in bytes of the memory argument before it. */
  size(options?: { readonly zero?: boolean }): { readonly kind: 'const_size' | 'const_size_or_zero' }
  /** A NUL-terminated string in a read-only map. */
  str(): { readonly kind: 'const_str' }
}

/** Builders for the arguments that plugins commonly need; any ArgDesc may also be written out. */
export const arg: ArgBuilders = {
  scalar: () => ({ kind: 'anything', js: 'u32' }),
  u32: () => ({ kind: 'anything', js: 'u32' }),
  i32: () => ({ kind: 'anything', js: 'i32' }),
  u64: () => ({ kind: 'anything', js: 'u64' }),
  i64: () => ({ kind: 'anything', js: 'i64' }),
  ctx: () => ({ kind: 'ctx' }),
  map: (options) => ({ kind: 'const_map_ptr', ...(options?.types ? { mapTypes: options.types } : {}) }),
  mapKey: () => ({ kind: 'map_key', access: 'read' }),
  mapValue: () => ({ kind: 'map_value', access: 'read' }),
  mem: (options) => ({ kind: 'mem', ...options, uninit: options.access === 'write' }),
  size: (options = {}) => ({ kind: options.zero ? 'const_size_or_zero' : 'const_size' }),
  str: () => ({ kind: 'const_str' }),
}
