/** PLACEHOLDER-INTERFACE: the implementation replaces this file. */
export interface Arena {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  readonly cpus: number
  /** Views of the whole memory; read them anew after anything that may allocate (growing detaches old ones). */
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly view: DataView
  /** Bytes handed out now, and the limit that ENOMEM guards. */
  readonly used: number
  readonly limit: number
  /** Zeroed bytes, aligned to `align` (8 unless said, a power of two). Throws ArenaError ENOMEM past the limit. */
  alloc(size: number, align?: number): number
  free(address: number): void
  /** The bytes of an allocation, or 0 when the address begins none. */
  sizeOf(address: number): number
}
