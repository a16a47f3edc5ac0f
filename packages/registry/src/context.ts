/** What a load of a context field gives the program, when it is not a scalar. */
export type ContextPointer =
  | 'packet'
  | 'packet_end'
  | 'packet_meta'
  | 'sock_common'
  | 'socket'
  | 'tcp_sock'
  | 'xdp_sock'
  | 'flow_keys'
  | 'buffer'
  | 'buffer_end'
  | 'tp_buffer'
  | 'btf_id'

export interface ContextField {
  readonly name: string
  /** Bytes from the start of the context. */
  readonly offset: number
  /** Bytes, all elements of an array together. */
  readonly size: number
  /** Natural width of one access; `size` when absent (a u32 array says 4). */
  readonly unit?: number
  /**
   * Which widths are allowed: `exact` (the unit), `narrow` (the unit or an aligned part of it, the default for
   * scalars), `first` (the unit, or less from its first byte on), `any` (every aligned power of two inside the field,
   * up to 8).
   */
  readonly widths?: 'exact' | 'narrow' | 'first' | 'any'
  /** Accesses narrower than the unit lie in the first so many bytes (dst_port: 2 of 4). */
  readonly narrowTo?: number
  /** The narrowest load or store, when 1 is too narrow. */
  readonly minWidth?: number
  /** The narrowest store, when loads may be narrower. */
  readonly minWriteWidth?: number
  /** Loads allowed: always, or with these attach types only. True when absent. */
  readonly read?: boolean | readonly string[]
  /** Stores allowed: always, or with these attach types only. False when absent. */
  readonly write?: boolean | readonly string[]
  /** A store must have exactly the unit's width although loads may be narrow. */
  readonly writeExact?: boolean
  readonly pointer?: ContextPointer
  /** The pointer may be null (PTR_MAYBE_NULL). */
  readonly nullable?: boolean
  /** The pointer's properties in the verifier's terms. */
  readonly trusted?: boolean
  /** For pointer `btf_id`: the kernel struct. */
  readonly btf?: string
  /** For `buffer`: read-only or not. */
  readonly readonly?: boolean
  /** C type in the generated header; derived from size and unit when absent. */
  readonly c?: string
}

/** `V`: what the host reads and writes of it, by field (`createContext`). */
export interface StructContext<V = unknown> {
  readonly kind: 'struct'
  /** The C struct: `xdp_md`. */
  readonly name: string
  readonly size: number
  readonly fields: readonly ContextField[]
  /** Fields that hold the packet's bounds, for ld_abs/ld_ind and test runs. */
  readonly packet?: { readonly data: string; readonly end: string; readonly meta?: string }
  /** BTF pointers to the kernel's twin are not given; the context pointer may be passed to helpers as ARG_PTR_TO_CTX. */
  readonly note?: string
  /** Never there: it carries the type. */
  readonly values?: V
}

/** Raw bytes, readable at any aligned width: pt_regs, tracepoint records, perf events. */
export interface RawContext {
  readonly kind: 'raw'
  readonly name: string
  /** Bytes readable; accesses must stay inside and be aligned to their size. */
  readonly size: number
  /** First byte that may be accessed (the common fields of a tracepoint record may not); 0 when absent. */
  readonly start?: number
  readonly writable?: boolean
  /** Smallest and largest width of one access. */
  readonly widths?: readonly number[]
  /** Names of all its u64, for C headers; bytes without names when absent. */
  readonly words?: readonly string[]
}

/** An array of u64 arguments, some typed through kernel BTF by the function that the program attaches to. */
export interface ArgsContext {
  readonly kind: 'args'
  readonly name: string
  /** How many u64 may be read when no BTF says it. */
  readonly max: number
  readonly btf: boolean
}

export type ContextDef = StructContext | RawContext | ArgsContext

type FieldOptions = Partial<Omit<ContextField, 'name' | 'offset' | 'size'>>
/** `V`: how the host sees the field. */
export interface FieldType<V = unknown> {
  readonly size: number
  readonly align: number
  readonly options: FieldOptions
  /** Never there: it carries the type. */
  readonly value?: V
}

/** What a host reads and writes, by the fields that `struct` was given. */
export type FieldValues<F extends Readonly<Record<string, FieldType>>> = {
  readonly [K in keyof F as F[K] extends FieldType<infer V>
    ? [V] extends [never]
      ? never
      : K
    : never]: F[K] extends FieldType<infer V> ? V : never
}

/** What a host reads and writes of a context: `ContextValues<typeof httpRequest.context>`. */
export type ContextValues<C extends StructContext> = C extends StructContext<infer V> ? V : never

const type = <V>(size: number, options: FieldOptions = {}, align: number = size): FieldType<V> => ({
  size,
  align,
  options,
})

/**
 * The struct DSL: `struct('xdp_md', { data: field.packet(), …})` lays fields out as C does. `field.u32({ write: true })`
 * and the like give scalar fields; pointers name what they point to.
 */
export const field = {
  u8: (o?: FieldOptions): FieldType<number> => type(1, o),
  u16: (o?: FieldOptions): FieldType<number> => type(2, o),
  u32: (o?: FieldOptions): FieldType<number> => type(4, o),
  u64: (o?: FieldOptions): FieldType<bigint> => type(8, o),
  array: <V>(element: FieldType<V>, count: number, o?: FieldOptions): FieldType<readonly V[]> =>
    type(element.size * count, { ...element.options, unit: element.size, ...o }, element.align),
  bytes: (count: number, o?: FieldOptions): FieldType<Uint8Array> =>
    type(count, { unit: 1, widths: 'any', ...o }, 1),
  /** u32 that the program sees as a pointer: start of packet data. */
  packet: (o?: FieldOptions): FieldType<number> => type(4, { pointer: 'packet', widths: 'exact', ...o }),
  packetEnd: (o?: FieldOptions): FieldType<number> =>
    type(4, { pointer: 'packet_end', widths: 'exact', ...o }),
  packetMeta: (o?: FieldOptions): FieldType<number> =>
    type(4, { pointer: 'packet_meta', widths: 'exact', ...o }),
  /** 64-bit pointer field (__bpf_md_ptr). */
  pointer: (to: ContextPointer, o?: FieldOptions): FieldType<number> =>
    type(8, { pointer: to, widths: 'exact', ...o }),
  /** Reserved bytes that no program may touch. */
  padding: (count: number): FieldType<never> => type(count, { read: false }, 1),
}

/** Lays the fields out with C's alignment rules. */
export function struct<const F extends Readonly<Record<string, FieldType>>>(
  name: string,
  fields: F,
  options: Partial<Omit<StructContext, 'kind' | 'name' | 'fields' | 'values'>> = {},
): StructContext<FieldValues<F>> {
  let offset = 0
  let align = 1
  const laid: ContextField[] = []
  for (const [fieldName, t] of Object.entries(fields)) {
    offset = Math.ceil(offset / t.align) * t.align
    laid.push({ name: fieldName, offset, size: t.size, ...t.options })
    offset += t.size
    align = Math.max(align, t.align)
  }
  return { kind: 'struct', name, size: Math.ceil(offset / align) * align, fields: laid, ...options }
}

/** The same struct with other access rules for some fields, as program types share `__sk_buff`. */
export function withAccess(
  base: StructContext,
  rules: Readonly<Record<string, FieldOptions>>,
): StructContext {
  for (const name of Object.keys(rules)) {
    if (!base.fields.some((f) => f.name === name))
      throw new RangeError(`struct ${base.name} has no field ${name}`)
  }
  return { ...base, fields: base.fields.map((f) => ({ ...f, ...rules[f.name] })) }
}
