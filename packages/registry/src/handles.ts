import type { Arena } from '@skep/memory'
import type { Link } from './attach-point.ts'
import type { Platform } from './platform.ts'

/** What a hook may reach of the runtime that a program lives in. */
export interface RuntimeHost {
  readonly arena: Arena
  readonly platform: Platform
  /** Address of the main CPU's control block. */
  readonly control: number
  /** Nanoseconds since boot; from the seed in deterministic mode. */
  now(): bigint
  /** Raises a runtime event (`exception`, `lost`, …). */
  emit(event: string, ...args: unknown[]): void
  /** The live map whose header is at an address. */
  mapAt(address: number): MapHandle | undefined
  /** The program of an id that is loaded: what maps of redirects name. */
  programOf(id: number): ProgramHandle | undefined
  /** Elements of deleted map entries may be reused: no program holds a pointer now. Hooks call it between batches. */
  quiesce(): void
  /** Called when the runtime closes; returns a function that takes it back. */
  onClose(close: () => void): () => void
}

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
  /** Bytes of what `lookup` gives and `update` takes: all CPUs' padded values for per-CPU types, else `valueSize`. */
  readonly hostValueSize: number
  /** Arena address of the header: what a program holds as its pointer to the map. */
  readonly address: number
  /** The memory that the map lies in: a map type in JS takes its elements from it, and gives them back in `free`. */
  readonly arena: Arena
  /** A copy of the value, or undefined. For per-CPU types: all CPUs' values, each padded to 8 bytes, as bpf(2) gives. */
  lookup(key: Uint8Array): Uint8Array | undefined
  /** Throws MapError with the errno that bpf(2) gives. */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void
  delete(key: Uint8Array): boolean
  /** The key after `key` (or the first), undefined at the end. */
  nextKey(key?: Uint8Array): Uint8Array | undefined
  freeze(): void
  /** A program left a record that whoever reads the map's rings waits for; nothing for maps without rings. */
  wake?(): void
  /** Set where the map does not lie in the arena: the reader of its rings. */
  openRing?(options?: object): unknown
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
  readonly host: RuntimeHost
  /** Names of the helpers that it calls, its subprograms' included. */
  readonly helpers: readonly string[]
  /** Runs once; returns the low 32 bits of r0, unsigned. */
  run(ctx: number): number
  /**
   * Runs over `count` contexts: `ctxs` is the arena address of their addresses (u32 each), `results` that of the
   * verdicts (u32 each), written in place. The loop is inside wasm. Returns how many finished: fewer than `count` when
   * one faulted, which CTL_FAULT then tells.
   */
  runBatch(ctxs: number, count: number, results: number): number
  /**
   * Set where somebody else runs the program, the kernel say: hooks hand over what they were asked to attach it to, as their
   * attach point takes it, and do nothing themselves.
   */
  readonly attach?: ((point: string, target: object) => Link) | undefined
}
