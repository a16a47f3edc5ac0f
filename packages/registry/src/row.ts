/** A map of a row, as in `skep verify --jsonl`. */
export interface RowMap {
  readonly name?: string
  readonly type: string | number
  readonly key_size?: number
  readonly value_size?: number
  readonly max_entries?: number
  readonly flags?: number
  readonly map_extra?: number
  /** The template of a map of maps: the index of a map of the row, or a map. */
  readonly inner?: number | RowMap | null
  readonly frozen?: boolean
  /** Hex of the value of element 0. */
  readonly init?: string
  /** Base64 of the map's own BTF; the row's, otherwise. */
  readonly btf?: string
  readonly btf_key?: number
  readonly btf_value?: number
}

/** A program as data: one line of `skep verify --jsonl` and `skep run --jsonl`. */
export interface Row {
  readonly name?: string
  readonly type: string | number
  readonly attach_type?: string | number
  readonly flags?: number
  readonly license?: string
  /** Verify as a loader without CAP_PERFMON. */
  readonly unprivileged?: boolean
  /** Hex of 8-byte little-endian instructions. */
  readonly insns: string
  readonly maps?: readonly RowMap[]
  /** ld_imm64 at slot `insn` refers to `maps[map]`. */
  readonly refs?: readonly { readonly insn: number; readonly map: number }[]
  readonly kfuncs?: readonly { readonly insn: number; readonly name: string }[]
  /** A kernel function, iterator or tracepoint; `struct:member` for struct_ops. */
  readonly attach_to?: string | null
  /** Base64. */
  readonly btf?: string
  /** Hex of (u32 insn_off, u32 type_id) pairs. */
  readonly func_info?: string
  /** Hex of the packet, for a run. */
  readonly data?: string
  /** Hex of the context, for a run. */
  readonly ctx?: string
  readonly repeat?: number
}
