/** The untyped face of a live map, as plugins and hosts in lower layers see it. Keys and values are raw bytes. */
export interface MapHandle {
  readonly name: string
  readonly id: number
  /** The map type's name. */
  readonly type: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  /** Arena address of the header: what a program holds as its pointer to the map. */
  readonly address: number
  /** A copy of the value, or undefined. For per-CPU types: all CPUs' values, each padded to 8 bytes, as bpf(2) gives. */
  lookup(key: Uint8Array): Uint8Array | undefined
  /** Throws MapError with the errno that bpf(2) gives. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void
  delete(key: Uint8Array): boolean
  /** The key after `key` (or the first), undefined at the end. */
  nextKey(key?: Uint8Array): Uint8Array | undefined
  freeze(): void
}

/** A program that is loaded and may be run. */
export interface ProgramHandle {
  readonly name: string
  readonly id: number
  /** The program type's name. */
  readonly type: string
  readonly attachType?: string
  /** Arena address of the program's record. */
  readonly record: number
  /** Runs once; returns the low 32 bits of r0, unsigned. */
  run(ctx: number): number
  /**
   * Runs over `count` contexts: `ctxs` is the arena address of their addresses (u32 each), `results` that of the
   * verdicts (u32 each), written in place. The loop is inside wasm.
   */
  runBatch(ctxs: number, count: number, results: number): void
}
